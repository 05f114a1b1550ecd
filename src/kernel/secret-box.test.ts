import { describe, expect, it } from '@jest/globals';
import { newId } from './ids.js';
import { SecretBox } from './secret-box.js';

const OLD = 'a secret of thirty-two bytes, or more';
const NEW = 'another secret of thirty-two bytes too';
const USE = 'second factors';
const SECRET = Buffer.from('12345678901234567890');
const userId = newId();

describe('a box', () => {
  const box = new SecretBox([OLD], USE).seal(userId, SECRET);

  it('holds what nobody reads without the key', () => {
    expect(box.includes(SECRET)).toBe(false);
    expect(new SecretBox([OLD], USE).open(userId, box)).toEqual(SECRET);
    expect(new SecretBox([NEW], USE).open(userId, box)).toBeNull();
  });

  it('is another one each time', () => {
    expect(new SecretBox([OLD], USE).seal(userId, SECRET)).not.toEqual(box);
  });

  it('opens for its owner and its use alone', () => {
    expect(new SecretBox([OLD], USE).open(newId(), box)).toBeNull();
    expect(new SecretBox([OLD], 'something else').open(userId, box)).toBeNull();
  });

  it('does not open when any one byte is another, or there are fewer', () => {
    const opened = Array.from(box.keys(), (index) => {
      const changed = Buffer.from(box);
      changed.writeUInt8(box.readUInt8(index) ^ 1, index);
      return new SecretBox([OLD], USE).open(userId, changed);
    });
    expect(opened.filter((secret) => secret !== null)).toEqual([]);
    for (const length of [0, 3, 16, 31, box.length - 1]) {
      expect(new SecretBox([OLD], USE).open(userId, box.subarray(0, length))).toBeNull();
    }
  });

  it('opens with an older key too, while new ones are made with the first', () => {
    const rotated = new SecretBox([NEW, OLD], USE);
    expect(rotated.open(userId, box)).toEqual(SECRET);
    const fresh = rotated.seal(userId, SECRET);
    expect(fresh.subarray(0, 4)).toEqual(rotated.currentKeyId);
    expect(box.subarray(0, 4)).not.toEqual(rotated.currentKeyId);
    expect(new SecretBox([NEW], USE).open(userId, fresh)).toEqual(SECRET);
    expect(new SecretBox([OLD], USE).open(userId, fresh)).toBeNull();
  });

  it('is not made without a secret', () => {
    expect(() => new SecretBox([], USE)).toThrow(RangeError);
  });
});
