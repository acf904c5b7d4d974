/** Metrics for Prometheus: the registry that a process counts in, and a small HTTP listener to read it by. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { listenFailure } from './listen-failure.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** With the process's own figures (memory, event loop lag, file descriptors) in it. */
export function createMetricsRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export interface MetricsListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** What /health answers by: 200 or 503. */
  readonly isHealthy: () => boolean;
}

export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

/** GET /metrics and GET /health over plain HTTP. @throws GatehouseError `port_in_use`, `setting_invalid` */
export async function listenForMetrics(options: MetricsListenerOptions): Promise<MetricsListener> {
  const { host, port, registry, isHealthy } = options;
  const server = createServer((request, response) => {
    const path = request.method === 'GET' ? request.url?.split('?', 1)[0] : undefined;
    if (path === '/metrics') return void answerMetrics(registry, response);
    if (path !== '/health') return answer(response, 404, 'application/json', '{"status":"not found"}');
    const healthy = isHealthy();
    const status = healthy ? 'ok' : 'failing';
    answer(response, healthy ? 200 : 503, 'application/json', JSON.stringify({ status }));
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    throw listenFailure(error, { host, port, setting: 'metricsPort' });
  });
  const address = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${address.port}/metrics`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

async function answerMetrics(registry: Registry, response: ServerResponse): Promise<void> {
  try {
    answer(response, 200, registry.contentType, await registry.metrics());
  } catch {
    answer(response, 500, 'application/json', '{"status":"the metrics could not be collected"}');
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type }).end(body);
}
