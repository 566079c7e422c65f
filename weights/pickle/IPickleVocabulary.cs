using Engine.Files;

namespace Weights.Pickle;

/// <summary>
/// The names that mean something in a pickle. The machine itself can make nothing but plain data; every other name is a
/// <see cref="PickleOpaque"/>.
/// </summary>
internal interface IPickleVocabulary
{
    /// <summary>
    /// The meaning of a global: a <see cref="PickleFunction"/>, a value that other functions take as argument, or a
    /// <see cref="PickleOpaque"/>.
    /// </summary>
    object Global(string module, string name);

    /// <summary>What a persistent id stands for: for PyTorch, a storage.</summary>
    /// <exception cref="InvalidDataException">It stands for nothing.</exception>
    object Persistent(object? id);

    /// <summary>Sets the state of an object made by a function (Python's <c>__setstate__</c>).</summary>
    /// <exception cref="InvalidDataException">The object has no state.</exception>
    void Build(object? target, object? state);
}

/// <summary>A function a pickle may call: plain data in, plain data out. It charges what it makes.</summary>
internal delegate object PickleFunction(ReadOnlySpan<object?> arguments, FileBudget budget);
