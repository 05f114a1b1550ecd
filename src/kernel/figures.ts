/** A limit as descriptions show it: `262,144`. */
export const figure = (value: number) => value.toLocaleString('en');
