import { describe, expect, it } from '@jest/globals';
import { describeSchema } from '../../src/app-schema.js';
import { buildRestView, type RestOperation } from '../../src/doors/rest/rest-view.js';
import { NOT_SERVED_BY_SOFA, WITHOUT_DATA, type Obstacle } from '../support/sofa-table.js';

const view = buildRestView(describeSchema());

/** The reason why SOFA cannot serve a route, according to the route's metadata. */
function obstacleOf({ route, plan }: RestOperation): Obstacle | undefined {
  if (route.navigation !== undefined) return 'SOFA neither redirects nor reads or sets cookies';
  if (plan.file !== undefined) return 'SOFA reads no multipart bodies';
  return undefined;
}

/** test/api/sofa-differential.test.ts makes the calls. */
describe('what SOFA cannot serve', () => {
  it('are the streams, and the routes whose metadata has an obstacle', () => {
    const obstacles = [
      ...view.operations.flatMap((operation) => {
        const obstacle = obstacleOf(operation);
        return obstacle === undefined ? [] : [[operation.route.operationId, obstacle]];
      }),
      ...[...view.streams, ...view.files].map(({ route }) => [
        route.operationId,
        'SOFA serves no subscriptions over HTTP' satisfies Obstacle,
      ]),
    ];
    expect(NOT_SERVED_BY_SOFA).toEqual(Object.fromEntries(obstacles));
  });

  it('has no row for a route that there is not, nor the list of what is compared without data', () => {
    const served = view.operations.map(({ route }) => route.operationId);
    expect(served).toEqual(expect.arrayContaining(Object.keys(WITHOUT_DATA)));
  });
});
