/** Why an operator revokes, as calls take it: RFC 5280 §5.3.1, but for certificateHold, which is a call of its own. */
import { z } from 'zod';
import { finalReasons } from '../../core/pki/revocation-reason.ts';

export const reason = z.enum(finalReasons).default('unspecified');
