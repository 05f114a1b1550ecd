import { GraphQLDateTime } from 'graphql-scalars';
import { Field, InputType, Int, ObjectType } from 'type-graphql';
import type { RestError } from '../../../rest/answers.js';
import {
  MAX_CODE_LENGTH,
  type OpenChallenge,
  type SecondFactorMethod,
  type SecondFactorStatus,
} from './second-factor.js';
import type { SecondFactorEnrolment as Enrolment } from './second-factor.service.js';

const METHODS: readonly SecondFactorMethod[] = ['TOTP', 'RECOVERY_CODE'];

/** What any route is answered with that logs a user in, where the user has a second factor. */
export const SECOND_FACTOR_REQUIRED: RestError = {
  code: 'UNAUTHENTICATED',
  message: 'Second factor required',
  data: {
    schema: {
      type: 'object',
      additionalProperties: false,
      required: ['second_factor'],
      properties: {
        second_factor: {
          type: 'object',
          additionalProperties: false,
          required: ['challenge', 'expires_in', 'methods'],
          properties: {
            challenge: { type: 'string', description: 'For `POST /auth/second-factor`. Opaque.' },
            expires_in: { type: 'integer', minimum: 1, description: 'Seconds until the login has to begin anew.' },
            methods: {
              type: 'array',
              description: 'What the user can go on with: a code of the authenticator app, or a recovery code.',
              items: { enum: METHODS },
            },
          },
        },
      },
    },
    example: {
      second_factor: {
        challenge: 'q4Zk0w9rTgXnJ1c5u8Hb2sLd7vYf3EoQmPiAxRtKzNU',
        expires_in: 300,
        methods: METHODS,
      },
    },
    from: ({ secondFactor }) => {
      const { challenge, expiresIn, methods } = secondFactor as OpenChallenge;
      return { second_factor: { challenge, expires_in: expiresIn, methods } };
    },
  },
};

export const INVALID_CODE: RestError = { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid code' };
export const TOO_MANY_CODES: RestError = { code: 'RATE_LIMITED', message: 'Too many wrong codes' };
export const TOO_MANY_LOGINS: RestError = { code: 'RATE_LIMITED', message: 'Too many login attempts' };
export const RECENT_LOGIN_REQUIRED: RestError = { code: 'FORBIDDEN', message: 'Recent login required' };

export const CODE_DESCRIPTION = `Six digits of the authenticator app, each good once, or a recovery code. At most ${MAX_CODE_LENGTH} characters.`;

@ObjectType({ simpleResolvers: true, description: 'Whether a login asks for more than the first factor.' })
export class SecondFactor implements SecondFactorStatus {
  @Field(() => Boolean)
  readonly isEnabled!: boolean;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Null when it is off.' })
  readonly enabledAt!: Date | null;

  @Field(() => Int, { description: 'Recovery codes that are not used yet, of ten. 0 when it is off.' })
  readonly recoveryCodesLeft!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: 'What an authenticator app needs (RFC 6238: SHA-1, six digits, 30 seconds). It is told once.',
})
export class SecondFactorEnrolment implements Enrolment {
  @Field(() => String, { description: '160 bits in base32, for a person to type who cannot scan.' })
  readonly secret!: string;

  @Field(() => String, { description: '`otpauth://totp/...`: opens the app on the same device.' })
  readonly uri!: string;

  @Field(() => String, { description: 'The URI as a QR code: `data:image/png;base64,...`, to show as an image.' })
  readonly qrCode!: string;

  @Field(() => GraphQLDateTime, { description: 'Until then `confirmSecondFactor` takes a code: 15 minutes.' })
  readonly expiresAt!: Date;
}

@ObjectType({ simpleResolvers: true, description: 'Ten codes for when the app is lost. They are told once.' })
export class RecoveryCodes {
  @Field(() => [String], { description: 'As `x7k2-9fmd-0qwe-r5t1`. Each is good once.' })
  readonly recoveryCodes!: readonly string[];
}

@InputType()
export class EnrolSecondFactorInput {
  @Field(() => String, {
    nullable: true,
    description: 'The present password. Only a user who has none may leave it out. At most 256 characters.',
  })
  readonly password!: string | null;

  @Field(() => String, { nullable: true, description: `Needed while a second factor is on. ${CODE_DESCRIPTION}` })
  readonly code!: string | null;
}
