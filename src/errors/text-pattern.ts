/** A pattern that an operator has set: whether it matches anywhere in a text. */
export interface TextPattern {
  test(text: string): boolean;
}
