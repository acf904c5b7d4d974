/** The servers of docs/relying-parties.md: how each is started with the files shown there, and whom it lets in. */
import type { ChildProcess } from 'node:child_process';
import { generate } from 'mqtt-packet';
import { greets, type RelyingParty } from './relying-party.ts';

export interface Server {
  readonly programs: readonly string[];
  /** As `systemctl reload` calls it. */
  readonly name: string;
  /** With crls.pem as it is, where the server reads it. */
  start(party: RelyingParty): Promise<ChildProcess>;
  admits(party: RelyingParty, id: string): Promise<boolean>;
  /** What a client says first, and what is in the answer where it is let in. */
  readonly greeting: { readonly ask: (id: string) => string | Uint8Array; readonly granted: string };
}

const HTTP = { ask: () => 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', granted: ' 200 OK' } as const;

const mosquitto: Server = {
  programs: ['mosquitto', 'mosquitto_pub'],
  name: 'mosquitto',
  start(party) {
    party.install('mosquitto.conf', 'acl');
    return party.serve('mosquitto', 'mosquitto', '-c', 'mosquitto.conf');
  },
  admits: ({ shell, port }, id) =>
    shell(
      `mosquitto_pub -h localhost -p ${port} --cafile server.pem --cert ${id}.pem --key ${id}.key \
         -i probe-${id} -q 1 -t devices/${id}/telemetry -m 1`,
    ).then(
      () => true,
      () => false,
    ),
  // CONNACK [MQTT-3.2.2.3]
  greeting: {
    ask: (clientId) => generate({ cmd: 'connect', clientId, keepalive: 60 }),
    granted: ' \x02\0\0',
  },
};

/** What of nginx's own configuration lets it run in a folder, as whoever runs the test. */
const NGINX = `
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {}
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
`;

function nginx(file: string): Server {
  return {
    programs: ['nginx', 'curl'],
    name: 'nginx',
    start(party) {
      party.install(file);
      party.put('nginx.conf', `${NGINX}  include ${file};\n}\n`);
      const at = party.folder;
      return party.serve('nginx', 'nginx', '-e', 'error.log', '-p', `${at}/`, '-c', `${at}/nginx.conf`);
    },
    admits: greets,
    greeting: HTTP,
  };
}

function backEnd(program: string, file: string): Server {
  return {
    programs: [program, 'curl'],
    name: 'back-end',
    start(party) {
      party.install(file);
      return party.serve('back-end', program, file);
    },
    admits: greets,
    greeting: HTTP,
  };
}

export const servers = {
  Mosquitto: mosquitto,
  'nginx, ssl_ocsp': nginx('by-ocsp.conf'),
  'nginx, ssl_crl': nginx('by-crl.conf'),
  'Node.js': backEnd('node', 'back-end.mjs'),
  Python: backEnd('python3', 'back-end.py'),
} as const;
