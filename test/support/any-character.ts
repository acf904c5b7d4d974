/** For fast-check: characters of any kind, which its own unit `binary` takes half a second to be able to make. */
import fc from 'fast-check';

const [SURROGATES, SURROGATE_COUNT, LAST] = [0xd800, 0x800, 0x10_ffff];

/** As a unit of `fc.string`: any code point but half a pair of surrogates; the smaller ones come more often. */
export const anyCharacter = fc
  .integer({ min: 0, max: LAST - SURROGATE_COUNT })
  .map(characterAt, (character) => indexOf(String(character)));

function characterAt(index: number): string {
  return String.fromCodePoint(index < SURROGATES ? index : index + SURROGATE_COUNT);
}

function indexOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  const index = point < SURROGATES ? point : point - SURROGATE_COUNT;
  return characterAt(index) === character ? index : Number.NaN;
}
