/** A part of the installation, and whether it can be used. */
export interface Finding {
  /** As `database`, or `model fast`. */
  readonly part: string;
  readonly isFine: boolean;
  /** What is there, or what is wrong. Holds no secret. */
  readonly text: string;
}

/** A setting as the program has it. */
export interface HeldSetting {
  readonly name: string;
  /** Null where it has none; a secret is masked. */
  readonly value: string | null;
  /** Where the value is from: the environment, .env, a file, or the default. */
  readonly source: string;
}
