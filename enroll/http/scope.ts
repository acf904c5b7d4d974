/** A scope of a listener: routes whose content types, hooks or refusals are not those of the rest. */
import type { FastifyPluginCallback } from 'fastify';
import type { HttpServer } from './http-server.ts';

export interface Scope {
  /** What Fastify calls it; it would look for a name in every module that is loaded. */
  readonly name: string;
  /** Of all its paths. */
  readonly prefix?: string;
}

/** @param define is called before the listener is ready */
export function registerScope(
  server: HttpServer,
  { name, ...options }: Scope,
  define: (scope: HttpServer) => void,
): void {
  const plugin: FastifyPluginCallback = (instance, _options, done) => {
    define(instance as HttpServer);
    done();
  };
  server.register(Object.assign(plugin, { [Symbol.for('fastify.display-name')]: name }), options);
}
