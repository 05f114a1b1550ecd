/** Headers of every answer: those that Helmet sets by default, with stricter policies for content and frames. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

/** Tells browsers for a year to come by TLS alone. */
const TLS_ONLY = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' };

/** @param isSecure whether clients reach the service by https: */
export function securityHeaders(isSecure: boolean): Readonly<Record<string, string>> {
  return isSecure ? { ...HEADERS, ...TLS_ONLY } : HEADERS;
}
