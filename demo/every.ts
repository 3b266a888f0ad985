import type { FastifyInstance } from 'fastify'

/**
 * Runs an action at intervals while an application runs.
 *
 * Call it before the plugin is registered: it then stops before the hub closes, which refuses later broadcasts.
 */
export function every (app: FastifyInstance, milliseconds: number, action: () => void): void {
  let timer: NodeJS.Timeout | undefined
  app.addHook('onReady', async () => { timer = setInterval(action, milliseconds) })
  app.addHook('preClose', async () => { clearInterval(timer) })
}
