/** The parts of a mail's text, in reading order. All of it is escaped in HTML. */
export interface MailWords {
  readonly subject: string;
  readonly lead: string;
  /** What is shown large, such as a code. */
  readonly code?: string;
  /** Facts, one a line. */
  readonly facts?: readonly string[];
  readonly link?: { readonly before: string; readonly label: string; readonly url: string };
  /** What to know or do, one paragraph each; the last is set small. */
  readonly advice: readonly string[];
}

/** A mail's subject, text and HTML. No part of it is code of the caller's: texts of clients come out as text. */
export function layMailOut(words: MailWords): { subject: string; text: string; html: string } {
  return { subject: words.subject, text: textOf(words), html: htmlOf(words) };
}

function textOf({ lead, code, facts = [], link, advice }: MailWords): string {
  const indented = [...(code === undefined ? [] : [code]), ...facts].map((line) => `    ${line}`).join('\n');
  const parts = [lead, indented, ...(link === undefined ? [] : [link.before, `    ${link.url}`]), ...advice, 'Flynkle'];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const PARAGRAPH = 'margin:0 0 16px;font-size:16px;line-height:24px';
const SMALL = 'margin:0;font-size:14px;line-height:20px;color:#5b6072';
const BOX = 'margin:0 0 16px;padding:16px;background:#eef0fb;border-radius:8px';
const CODE = `${BOX};text-align:center;font-size:32px;line-height:40px;font-weight:700;letter-spacing:8px;font-family:ui-monospace,Menlo,Consolas,monospace`;
const BUTTON =
  'display:inline-block;padding:12px 20px;background:#3f51b5;color:#ffffff;border-radius:8px;font-weight:700;text-decoration:none';

/**
 * One column and inline styles, since mail clients drop almost everything else. Sets both text and background colours,
 * so that a client in dark mode does not make the text unreadable.
 */
function htmlOf({ subject, lead, code, facts = [], link, advice }: MailWords): string {
  const paragraphs = [
    `<p style="${PARAGRAPH}">${escapeHtml(lead)}</p>`,
    ...(code === undefined ? [] : [`<p style="${CODE}">${escapeHtml(code)}</p>`]),
    ...(facts.length === 0 ? [] : [`<p style="${BOX}">${facts.map(escapeHtml).join('<br>')}</p>`]),
    ...(link === undefined
      ? []
      : [
          `<p style="${PARAGRAPH}">${escapeHtml(link.before)}</p>`,
          `<p style="${PARAGRAPH}"><a href="${escapeHtml(link.url)}" style="${BUTTON}">${escapeHtml(link.label)}</a></p>`,
        ]),
    ...advice.map((text, at) => `<p style="${at === advice.length - 1 ? SMALL : PARAGRAPH}">${escapeHtml(text)}</p>`),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light">
<title>${escapeHtml(subject)}</title>
</head>
<body style="margin:0;padding:24px;background:#f4f4f7;color:#1f2333;${FONT}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:480px;background:#ffffff;border-radius:12px">
<tr><td style="padding:32px;text-align:left">
<p style="margin:0 0 24px;font-size:20px;line-height:28px;font-weight:700">Flynkle</p>
${paragraphs.join('\n')}
</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
