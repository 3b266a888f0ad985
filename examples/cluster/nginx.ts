import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Upstreams {
  /** The ports of the nodes. */
  readonly nodes: readonly number[]
  /** The port of the supervisor, which kills nodes. */
  readonly supervisor: number
}

/** Writes the configuration of nginx into its folder. @returns The arguments of nginx. */
export function configure (folder: string, port: number, { nodes, supervisor }: Upstreams): string[] {
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr alert;
events {}
http {
  access_log off;
  # Its own temporary files, too, are in this folder.
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')}

  upstream nodes {
    # In turn. After a refused connection, a node gets no requests for a second.
    ${nodes.map((node) => `server 127.0.0.1:${node} max_fails=1 fail_timeout=1s;`).join('\n    ')}
  }

  # Without HTTP/1.1, a stream whose node dies would look as if it had ended cleanly.
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_buffering off;
  # Four times the interval of the heartbeats.
  proxy_read_timeout 60s;
  proxy_connect_timeout 1s;

  server {
    listen 127.0.0.1:${port};
    client_max_body_size 1k;

    location / {
      proxy_pass http://nodes;
      # The request goes to the next node while nothing of a response has arrived.
      proxy_next_upstream error timeout http_502 http_503;
    }
    location /events {
      proxy_pass http://nodes;
      proxy_next_upstream error timeout http_502 http_503;
      # An EventSource never comes back after these responses, so it gets a stream that ends immediately.
      proxy_intercept_errors on;
      error_page 502 503 504 = @later;
    }
    location @later {
      default_type text/event-stream;
      return 200 "retry: 1000\\n\\n";
    }
    location = /kill {
      proxy_pass http://127.0.0.1:${supervisor};
    }
  }
}
`)
  return ['-p', folder, '-c', file, '-e', 'stderr']
}
