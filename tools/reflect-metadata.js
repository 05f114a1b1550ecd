// Injected by tools/build.ts into the bundle. CommonJS itself, it would be converted anew in each of 2,000 modules.
import 'reflect-metadata';
