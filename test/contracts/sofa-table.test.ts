import { describe, expect, it } from '@jest/globals';
import { isNonNullType } from 'graphql';
import { describeSchema } from '../../src/app-schema.js';
import { buildRestView, type RestOperation } from '../../src/doors/rest/rest-view.js';
import { SOFA_TABLE, type Obstacle } from '../support/sofa-table.js';

const view = buildRestView(describeSchema());

/** The reason why SOFA cannot serve a route, according to the route's metadata. */
function obstacleOf({ route, plan }: RestOperation): Obstacle | undefined {
  if (route.navigation !== undefined) return 'SOFA neither redirects nor reads or sets cookies';
  if (plan.file !== undefined) return 'SOFA reads no multipart bodies';
  return plan.inputs.some((input) => input.in === 'header' && isNonNullType(input.type))
    ? 'SOFA reads no headers'
    : undefined;
}

/** test/api/sofa-differential.test.ts makes the calls of the table. */
describe('the table of what SOFA can serve', () => {
  it('has a row for every operation of REST, and none for what there is not', () => {
    const routes = [...view.operations, ...view.streams, ...view.files].map(({ route }) => route.operationId);
    expect(Object.keys(SOFA_TABLE).sort()).toEqual(routes.sort());
  });

  it('leaves out the operations that have an obstacle in their metadata, and no others', () => {
    const obstacles = [
      ...view.operations.flatMap((operation) => {
        const cannot = obstacleOf(operation);
        return cannot === undefined ? [] : [[operation.route.operationId, { cannot }]];
      }),
      ...[...view.streams, ...view.files].map(({ route }) => [
        route.operationId,
        { cannot: 'SOFA serves no subscriptions over HTTP' },
      ]),
    ];
    const left = Object.entries(SOFA_TABLE).filter(([, row]) => typeof row === 'object');
    expect(Object.fromEntries(left)).toEqual(Object.fromEntries(obstacles));
  });
});
