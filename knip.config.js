/** The scripts of a page, as the imports of a module beside it. */
const scriptsOf = (page) => [...page.matchAll(/<script[^>]* src="\.?\/([^"]+)"/g)].map(([, file]) => `import './${file}'`).join('\n')

export default {
  compilers: { html: scriptsOf },
  workspaces: {
    '.': {
      entry: [
        'plugin.ts', 'testing/index.ts', 'client/index.ts', 'brokers/{redis,sqlite}/index.ts',
        'demo/server.ts', 'scripts/*.js',
        'public/**/*.html', 'examples/*/server.ts', 'examples/*/node.ts', 'examples/**/*.html', 'examples/*/public/*.js',
        'test/**/*.test.ts', 'test/**/all.ts',
        // What Node loads before each test, programs that a test starts, and those that the compiler alone reads.
        'test/support/preload.js', 'test/**/ends-by-itself.ts', 'test/**/types.ts', 'test/**/types/**/*.ts'
      ],
      project: ['{lib,brokers,client,testing,demo,examples,public,scripts,test}/**/*.{ts,js,html}', '!test/consumers/**'],
      // The pages of an example get their scripts from two folders, and the client from the plugin.
      paths: { '/post.js': ['examples/public/post.js'] },
      ignoreUnresolved: ['/sse/client.js', '/stream.js', '../client.js'],
      // scripts/lint.js starts the first two; tests read a file of the third; the fourth is installed in test/engines.
      ignoreDependencies: ['cspell', 'markdownlint-cli2', 'axe-core', 'better-sqlite3'],
      // scripts/setup-system.sh installs these.
      ignoreBinaries: ['openssl', 'unshare', 'nsenter', 'redis-server']
    },
    bench: {
      // The driver starts these by their names.
      entry: ['run.ts', '**/server-process.ts', '**/load-process.ts', '**/servers/*.ts', '**/*.test.ts'],
      project: ['**/*.{ts,html}'],
      ignoreBinaries: ['taskset']
    },
    'test/consumers': {
      project: ['**/*.{js,html}'],
      // The programs that it writes use these.
      ignoreDependencies: ['.*']
    }
  }
}
