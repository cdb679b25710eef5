/** Nothing needs to run before the tests yet. */
export default function setup(): void {}
