using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>
/// The destination of one term of a gradient. The first term overwrites (so no zeroing pass is needed), every later one adds.
/// </summary>
/// <param name="Tensor">The gradient being accumulated.</param>
/// <param name="Adds">Whether a term is already there: write += instead of =.</param>
/// <param name="Gate">
/// Given with the last term only (and with those before it that only terms of parts follow): the output of the ReLU that produced the value. Where it is
/// at most 0, the finished sum becomes 0. Passed only to verbs that document support.
/// </param>
public readonly record struct Accumulator(Tensor Tensor, bool Adds, Tensor? Gate = null);
