/** MQTT matching a second time, slowly and by another way, to judge the first by; and topics and filters to try. */
import fc from 'fast-check';
import { isTopicName, parseTopicFilter } from '../../core/policy/topic.ts';

/** A regular expression for what `filter` matches (MQTT 3.1.1 §4.7). */
export function referenceExpression(filter: string): RegExp {
  const levels = filter.split('/').map((level) => {
    if (level === '+') return '[^/]*';
    return level === '#' ? '.*' : level.replaceAll(/[$.*?()[\]{}|^\\]/g, '\\$&');
  });
  const body = levels.join('/').replace(/\/\.\*$/, '(?:/.*)?');
  return new RegExp(/^[+#]/.test(filter) ? `^(?!\\$)${body}$` : `^${body}$`, 's');
}

/** Few levels, so that chance makes them meet; with the names that trip plain objects, and a prefix of another. */
const level = fc.constantFrom('a', 'dev1', 'dev10', '', '$SYS', '__proto__', 'constructor');

export const topics = fc
  .array(fc.oneof({ weight: 4, arbitrary: level }, { weight: 1, arbitrary: fc.string({ maxLength: 4 }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((levels) => levels.join('/').replaceAll(/[+#]/g, '.'))
  .filter(isTopicName);

export const filters = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: level }, { weight: 2, arbitrary: fc.constant('+') }), {
      maxLength: 4,
    }),
    fc.boolean(),
  )
  .map(([levels, open]) => (open ? [...levels, '#'] : levels).join('/'))
  .filter((text) => text !== '')
  .map(parseTopicFilter);
