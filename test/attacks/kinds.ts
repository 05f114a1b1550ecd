import { accounts } from './accounts.js';
import type { AttackKind } from './attack.js';
import { costs } from './costs.js';
import { files } from './files.js';
import { framing } from './framing.js';
import { input } from './input.js';
import { limits } from './limits.js';
import { settings } from './settings.js';
import { spoofing } from './spoofing.js';

export const KINDS: readonly AttackKind[] = [framing, spoofing, costs, limits, input, files, accounts, settings];
