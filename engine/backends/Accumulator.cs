using Engine.Tensors;

namespace Engine.Backends;

/// <summary>
/// Where one term of a gradient goes. The first term overwrites (no zeroing pass), every later one adds.
/// </summary>
/// <param name="Tensor">The gradient being summed.</param>
/// <param name="Adds">Whether a term is already there: write += instead of =.</param>
/// <param name="Gate">
/// With the last term, the output of the ReLU that made the value: where it is at most 0 the finished sum becomes 0.
/// Only verbs that say so are ever given one.
/// </param>
public readonly record struct Accumulator(Tensor Tensor, bool Adds, Tensor? Gate = null);
