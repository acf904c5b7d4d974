/**
 * Logging in to the token. Tokens lock themselves after a few wrong PINs, so a PIN that was refused is not tried
 * again, and the last try is left to a person.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GatehouseError } from '../../../core/errors.ts';
import { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED } from './constants.ts';
import { CryptokiError } from './cryptoki.ts';

export class Pin {
  readonly #file: string;
  /** SHA-256 of the PIN that the token refused. */
  #refused: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Reads the PIN and lets `logIn` use it, once.
   * @param flags of the token, as it tells them now
   * @throws GatehouseError `pkcs11_pin_missing`, `pkcs11_pin_refused`
   */
  enter(label: string, flags: () => number, logIn: (pin: string) => void): void {
    refuseHopeless(label, flags());
    const pin = readPin(this.#file);
    const digest = createHash('sha256').update(pin).digest('hex');
    if (digest === this.#refused) {
      throw new GatehouseError(
        'pkcs11_pin_refused',
        `the token "${label}" has refused the PIN in ${this.#file}, and it is not tried again`,
      );
    }
    try {
      logIn(pin);
    } catch (error) {
      if (!(error instanceof CryptokiError) || !/_PIN_/.test(error.reason ?? '')) throw error;
      this.#refused = digest;
      const left = triesLeft(flags());
      throw new GatehouseError(
        'pkcs11_pin_refused',
        `the token "${label}" refuses the PIN in ${this.#file} (${error.message})${left && `; ${left}`}`,
      );
    }
    this.#refused = undefined;
  }
}

/** One line; the newline that editors add is not part of it. */
function readPin(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new GatehouseError('pkcs11_pin_missing', `${file} cannot be read`, { cause: error });
  }
  const pin = text.replace(/\r?\n$/, '');
  if (pin === '') throw new GatehouseError('pkcs11_pin_missing', `${file} is empty`);
  return pin;
}

/** A service that is started again and again with a wrong PIN must not be what locks the token. */
function refuseHopeless(label: string, flags: number): void {
  if ((flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)) === 0) return;
  throw new GatehouseError('pkcs11_pin_refused', `the token "${label}" was not asked: ${triesLeft(flags)}`);
}

/** What a token tells of its counter of wrong PINs (PKCS #11 v2.40 §3.2); '' where it tells nothing. */
function triesLeft(flags: number): string {
  if ((flags & CKF_USER_PIN_LOCKED) !== 0) return 'its PIN is locked';
  if ((flags & CKF_USER_PIN_FINAL_TRY) !== 0) return 'one more wrong PIN locks it';
  if ((flags & CKF_USER_PIN_COUNT_LOW) !== 0) return 'wrong PINs have been counted; a few more lock it';
  return '';
}
