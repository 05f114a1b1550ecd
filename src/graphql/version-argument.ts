import { Arg } from 'type-graphql';

export const VERSION_DESCRIPTION =
  'Another one after every change: give it as `ifVersion` to change only what was read. Opaque.';

/** The argument of an operation that changes something only in a version that the client knows. */
export function IfVersion(): ParameterDecorator {
  return Arg('ifVersion', () => [String], {
    nullable: true,
    description: 'Versions of which the present one must be one: PRECONDITION_FAILED otherwise. Null expects nothing.',
  }) as ParameterDecorator;
}
