import { accountsSettings } from './accounts.settings.js';
import { callersSettings } from './callers.settings.js';
import { connectionsSettings } from './connections.settings.js';
import { dataSettings } from './data.settings.js';
import { limitsSettings } from './limits.settings.js';
import { loginProvidersSettings } from './login-providers.settings.js';
import { mailSettings } from './mail.settings.js';
import { metricsSettings } from './metrics.settings.js';
import { modelSettings } from './model.settings.js';
import { toolsSettings } from './tools.settings.js';
import { tracesSettings } from './traces.settings.js';
import { plansSettings } from './plans.settings.js';
import { serverSettings } from './server.settings.js';
import type { ValuesOf } from './setting.js';
import { uploadsSettings } from './uploads.settings.js';

/** In the order of the sections of `.env.example`, in which faults are reported too. */
export const topics = [
  serverSettings,
  dataSettings,
  modelSettings,
  toolsSettings,
  accountsSettings,
  loginProvidersSettings,
  mailSettings,
  callersSettings,
  limitsSettings,
  connectionsSettings,
  metricsSettings,
  tracesSettings,
  plansSettings,
  uploadsSettings,
];

type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

type AllSettings = Intersection<(typeof topics)[number]['settings']>;

export const allSettings = Object.assign({}, ...topics.map(({ settings }) => settings)) as AllSettings;

/** The values of all settings, not yet checked against each other. */
export type Settings = ValuesOf<AllSettings>;
