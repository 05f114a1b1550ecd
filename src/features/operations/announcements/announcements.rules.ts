import { z } from 'zod';
import { idRules, notNull, text } from '../../../kernel/rules.js';
import { MAX_ANNOUNCEMENT_LENGTH } from './announcement.js';

/** Which levels there are, the schema says. */
const level = () => notNull(z.string());
const words = () => text(MAX_ANNOUNCEMENT_LENGTH, 1);

/** The times are compared with each other and with the present one, by the service. */
export const createRules = z.object({ input: z.looseObject({ text: words(), level: level() }) });

export const updateRules = idRules.extend({
  input: z.looseObject({
    text: notNull(words()),
    level: level(),
    startsAt: notNull(z.date().meta({ type: 'string' })),
  }),
});
