const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];
/** A product's name and version (RFC 9110, 10.1.5). No dots in the name: mail clients make a link of `example.com`. */
const PRODUCT = /^([A-Za-z][\w-]{0,30})(?:\/(\d{1,5}(?:\.\d{1,5}){0,2}))?(?![\w.])/;

/**
 * Describes a client in a mail, as `Firefox on Linux` or `curl/8.5.0`. Anyone who logs in chooses the `User-Agent`, also to
 * an account with somebody else's address: only names that are known, or that cannot be a sentence or a link, get through.
 */
export function clientWords(userAgent: string | null): string {
  if (userAgent === null) return 'an unknown program';
  const browser = nameIn(BROWSERS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (browser !== null) return system === null ? browser : `${browser} on ${system}`;
  const [, name, version] = PRODUCT.exec(userAgent) ?? [];
  if (name === undefined) return 'an unknown program';
  return version === undefined ? name : `${name}/${version}`;
}

function nameIn(names: typeof BROWSERS, userAgent: string): string | null {
  return names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
}
