import { PRODUCT_FOLDER } from '../../kernel/product-folder.js';

/** The folder of this release's migrations. */
export const MIGRATIONS = new URL('prisma/migrations/', PRODUCT_FOLDER);
