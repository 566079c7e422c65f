using Iba.Engine.Files;

namespace Iba.Weights.Pickle;

/// <summary>
/// The known names of a pickle. The reader itself creates plain data only; every unknown name becomes a <see cref="PickleOpaque"/>.
/// </summary>
internal interface IPickleVocabulary
{
    /// <summary>
    /// The meaning of a global: a <see cref="PickleFunction"/>, a value that other functions take as argument, or a
    /// <see cref="PickleOpaque"/>.
    /// </summary>
    object Global(string module, string name);

    /// <summary>The object of a persistent id: for PyTorch, a storage.</summary>
    /// <exception cref="InvalidDataException">The id is unknown.</exception>
    object Persistent(object? id);

    /// <summary>Sets the state of an object created by a function (Python's <c>__setstate__</c>).</summary>
    /// <exception cref="InvalidDataException">The object has no state.</exception>
    void Build(object? target, object? state);
}

/// <summary>A function that a pickle may call: plain data in, plain data out. It charges the budget for what it creates.</summary>
internal delegate object PickleFunction(ReadOnlySpan<object?> arguments, FileBudget budget);
