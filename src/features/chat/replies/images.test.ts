import { describe, expect, it } from '@jest/globals';
import { fittingImages, imageTypeOf, MAX_IMAGES, MAX_IMAGES_BYTES } from './images.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const images = (count: number, size = 1) =>
  Array.from({ length: count }, (_, index) => ({ id: String(index), contentType: 'image/png', size }));

describe('the type of an image', () => {
  it.each([
    ['\x89PNG\r\n\x1a\nIHDR', 'image/png'],
    ['\xff\xd8\xff\xe0\0\x10JFIF', 'image/jpeg'],
    ['GIF87a', 'image/gif'],
    ['GIF89a', 'image/gif'],
    ['RIFF\x24\0\0\0WEBP', 'image/webp'],
    ['RIFF\x0a\n\0\0WEBP', 'image/webp'],
    ['RIFF\x24\0\0\0WAVE', null],
    ['<svg xmlns=', null],
    ['', null],
  ])('of %j is %s', (start, type) => {
    expect(imageTypeOf(bytes(start))).toBe(type);
  });
});

describe('the images of a branch', () => {
  it('are all shown where they fit', () => {
    const all = [images(2), [], images(8)];
    expect(fittingImages(all)).toEqual(all);
  });

  it('are the newest ones, without gaps, where there are too many', () => {
    expect(fittingImages([images(1), images(MAX_IMAGES), images(1)])).toEqual([images(1), [], []]);
  });

  it('are the newest ones where they are too large together', () => {
    const half = images(1, MAX_IMAGES_BYTES / 2);
    expect(fittingImages([half, half, images(1)])).toEqual([half, half, []]);
  });
});
