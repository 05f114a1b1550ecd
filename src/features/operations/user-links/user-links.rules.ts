import { z } from 'zod';
import { uuid } from '../../../kernel/rules.js';

export const userIdRules = z.looseObject({ userId: uuid() });
