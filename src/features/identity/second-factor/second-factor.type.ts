import { GraphQLDateTime } from 'graphql-scalars';
import { Field, InputType, Int, ObjectType } from 'type-graphql';
import { RestField } from '../../../rest/field.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import { RECOVERY_CODE_COUNT } from './recovery-codes.js';
import { ENROLMENT_MINUTES, MAX_CODE_LENGTH, type SecondFactorStatus } from './second-factor.js';
import type { SecondFactorEnrolment as Enrolment } from './second-factor.service.js';
import { TOTP_PARAMETERS, TOTP_SECRET_BYTES } from './totp.js';

export const CODE_DESCRIPTION = `${TOTP_PARAMETERS.digits} digits of the authenticator app, each good once, or a recovery code. At most ${MAX_CODE_LENGTH} characters.`;

@ObjectType({ simpleResolvers: true, description: 'Whether a login asks for more than the first factor.' })
export class SecondFactor implements SecondFactorStatus {
  @Field(() => Boolean)
  readonly isEnabled!: boolean;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Null when it is off.' })
  readonly enabledAt!: Date | null;

  @Field(() => Int, {
    description: `Recovery codes that are not used yet, of ${RECOVERY_CODE_COUNT}. 0 when it is off.`,
  })
  readonly recoveryCodesLeft!: number;
}

@ObjectType({
  simpleResolvers: true,
  description: `What an authenticator app needs (RFC 6238: SHA-1, ${TOTP_PARAMETERS.digits} digits, ${TOTP_PARAMETERS.period} seconds). It is told once.`,
})
export class SecondFactorEnrolment implements Enrolment {
  @Field(() => String, {
    description: `${8 * TOTP_SECRET_BYTES} bits in base32, for a person to type who cannot scan.`,
  })
  readonly secret!: string;

  @RestField({ schema: { format: 'uri' } })
  @Field(() => String, { description: '`otpauth://totp/...`: opens the app on the same device.' })
  readonly uri!: string;

  @RestField({ schema: { format: 'uri' } })
  @Field(() => String, { description: 'The URI as a QR code: `data:image/png;base64,...`, to show as an image.' })
  readonly qrCode!: string;

  @Field(() => GraphQLDateTime, {
    description: `Until then \`confirmSecondFactor\` takes a code: ${ENROLMENT_MINUTES} minutes.`,
  })
  readonly expiresAt!: Date;
}

@ObjectType({
  simpleResolvers: true,
  description: `${RECOVERY_CODE_COUNT} codes for when the app is lost. They are told once.`,
})
export class RecoveryCodes {
  @Field(() => [String], { description: 'As `x7k2-9fmd-0qwe-r5t1`. Each is good once.' })
  readonly recoveryCodes!: readonly string[];
}

@InputType({ description: 'The proof that it is the caller who sets up an authenticator app.' })
export class EnrolSecondFactorInput {
  @Field(() => String, {
    nullable: true,
    description: `The present password. Only a user who has none may leave it out. At most ${MAX_PASSWORD_LENGTH} characters.`,
  })
  readonly password!: string | null;

  @Field(() => String, { nullable: true, description: `Needed while a second factor is on. ${CODE_DESCRIPTION}` })
  readonly code!: string | null;
}
