import { Invalid } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ModelImage, ModelMessage } from '../../../ports/language-model.js';
import type { ImageReference } from '../messages/message.js';
import type { UploadRow } from '../uploads/upload.js';
import type { UploadsService } from '../uploads/uploads.service.js';
import type { RepliesRepository } from './replies.repository.js';

/** Maximum images of a question. */
export const MAX_IMAGES = 10;
/** Maximum bytes of all images that the model is shown at a time: half of what OpenAI takes in a request, which is 50 MB. */
export const MAX_IMAGES_BYTES = 20_000_000;

/** What is needed to tell the kind of an image. */
const SIGNATURE_LENGTH = 12;

/** The formats that OpenAI's models take, by how their files begin, as Latin-1. */
const FORMATS: Readonly<Record<string, (start: string) => boolean>> = {
  'image/png': (start) => start.startsWith('\x89PNG\r\n\x1a\n'),
  'image/jpeg': (start) => start.startsWith('\xff\xd8\xff'),
  'image/gif': (start) => /^GIF8[79]a/.test(start),
  'image/webp': (start) => start.startsWith('RIFF') && start.startsWith('WEBP', 8),
};

/** @param start the first bytes of a file @returns null for what is no image that models take */
export function imageTypeOf(start: Uint8Array): string | null {
  const text = Buffer.from(start).toString('latin1');
  return Object.entries(FORMATS).find(([, begins]) => begins(text))?.[0] ?? null;
}

interface ImagesNeeds {
  readonly replies: Pick<RepliesRepository, 'imagesOf'>;
  readonly uploads: Pick<UploadsService, 'findVisible' | 'loadVisible' | 'readBytes'>;
}

/** Finds the images of questions among the files of their users. */
export class Images {
  constructor(private readonly needs: ImagesNeeds) {}

  /** @throws Invalid for what is not the caller's, no image, or too large; Unavailable while the store is away */
  async find(viewer: Viewer, ids: readonly string[]): Promise<readonly ImageReference[]> {
    const images = await Promise.all(ids.map((id, index) => this.#find(viewer, id, `input.images.${index}`)));
    if (sizeOf(images) > MAX_IMAGES_BYTES) {
      throw new Invalid([{ field: 'input.images', message: `must be at most ${MAX_IMAGES_BYTES} bytes together` }]);
    }
    return images;
  }

  /** The images of each of these messages that the viewer may see, in the same order; none of files that were deleted. */
  async load(viewer: Viewer, messageIds: readonly string[]): Promise<readonly (readonly UploadRow[])[]> {
    const images = await this.needs.replies.imagesOf(messageIds);
    const ids = images.flat().map(({ id }) => id);
    const uploads = ids.length === 0 ? [] : await this.needs.uploads.loadVisible(viewer, ids);
    const byId = new Map(uploads.map((upload) => [upload.id, upload]));
    return images.map((list) => list.flatMap(({ id }) => byId.get(id) ?? []));
  }

  /** @returns what the model is shown; an image that was deleted meanwhile has no bytes */
  shown({ id, contentType }: ImageReference): ModelImage {
    return { contentType, read: () => this.needs.uploads.readBytes(id) };
  }

  async #find(viewer: Viewer, id: string, field: string): Promise<ImageReference> {
    const upload = await this.needs.uploads.findVisible(viewer, id);
    if (upload === null) throw new Invalid([{ field, message: 'is not one of your uploaded files' }]);
    const end = Math.min(SIGNATURE_LENGTH, upload.size) - 1;
    const start = end < 0 ? null : await this.needs.uploads.readBytes(id, { start: 0, end });
    const contentType = start && imageTypeOf(start);
    if (contentType === null) throw new Invalid([{ field, message: 'must be a PNG, JPEG, GIF or WebP image' }]);
    return { id, contentType, size: upload.size };
  }
}

/**
 * The images of a branch that fit into one request: the newest ones.
 * @param newestFirst the images of each message, the question's first
 */
export function fittingImages(
  newestFirst: readonly (readonly ImageReference[])[],
): readonly (readonly ImageReference[])[] {
  let room = MAX_IMAGES_BYTES;
  let places = MAX_IMAGES;
  return newestFirst.map((images) => {
    if (images.length > places || sizeOf(images) > room) places = 0;
    if (places === 0) return [];
    places -= images.length;
    room -= sizeOf(images);
    return images;
  });
}

function sizeOf(images: readonly ImageReference[]): number {
  return images.reduce((sum, { size }) => sum + size, 0);
}

export function withoutImages(message: ModelMessage): ModelMessage {
  const { images: _, ...words } = message;
  return words;
}
