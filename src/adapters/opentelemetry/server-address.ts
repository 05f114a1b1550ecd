/** Where a call goes, in OpenTelemetry's words. */
export function serverAddress({ protocol, hostname, port }: URL) {
  return { 'server.address': hostname, 'server.port': Number(port) || (protocol === 'https:' ? 443 : 80) };
}
