/**
 * The token, for as long as this process runs: connected when it is needed, and again when it went away and came back.
 * Which error means what differs from vendor to vendor, so after any of them the connection is made anew, once.
 */
import { Cryptoki, CryptokiError } from './cryptoki.ts';
import { Pin } from './pin.ts';
import type { TokenAddress, TokenRequest } from './request.ts';
import { RetiredError } from './session-pool.ts';
import { TokenConnection } from './token-connection.ts';

/** How long a failed attempt to connect stands for those that come after it. */
const ATTEMPT_MS = 1_000;
const NOTHING = new Uint8Array();

export class Token {
  readonly #address: TokenAddress;
  readonly #pin: Pin;
  #cryptoki: Promise<Cryptoki> | undefined;
  #connection: Promise<TokenConnection> | undefined;
  #retiring: Promise<void> = Promise.resolve();

  constructor(address: TokenAddress) {
    this.#address = address;
    this.#pin = new Pin(address.pinFile);
  }

  /** @throws GatehouseError as the connection does @throws CryptokiError where the token fails twice */
  async perform(request: TokenRequest): Promise<Uint8Array> {
    if (request.operation === 'close') return this.#close();
    const connection = await this.#connected();
    try {
      return await run(connection, request);
    } catch (error) {
      if (!(error instanceof CryptokiError || error instanceof RetiredError)) throw error;
      this.#giveUp(connection);
      return run(await this.#connected(), request);
    }
  }

  #connected(): Promise<TokenConnection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  #connect(): Promise<TokenConnection> {
    const connection = this.#retiring.then(() => this.#openConnection());
    connection.catch(() => {
      setTimeout(() => {
        if (this.#connection === connection) this.#connection = undefined;
      }, ATTEMPT_MS).unref();
    });
    return connection;
  }

  async #openConnection(): Promise<TokenConnection> {
    const { module, label } = this.#address;
    this.#cryptoki ??= Cryptoki.load(module);
    return TokenConnection.open({ cryptoki: await this.#cryptoki, label, pin: this.#pin });
  }

  /** Those who fail on one connection at the same time give it up once. */
  #giveUp(connection: TokenConnection): void {
    if (connection.retired) return;
    this.#retiring = connection.retire();
    this.#connection = undefined;
  }

  async #close(): Promise<Uint8Array> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.retire();
    await this.#retiring;
    return NOTHING;
  }
}

async function run(
  connection: TokenConnection,
  request: Exclude<TokenRequest, { operation: 'close' }>,
): Promise<Uint8Array> {
  switch (request.operation) {
    case 'generate':
      return connection.generate(request);
    case 'sign':
      return connection.sign(request.key, request.digest);
    case 'name':
      await connection.name(request.identifier, request.key, request.label);
      break;
    case 'destroy':
      await connection.destroy(request.identifier);
      break;
    case 'prove':
      await connection.prove(request.key);
      break;
  }
  return NOTHING;
}
