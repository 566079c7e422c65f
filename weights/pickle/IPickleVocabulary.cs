namespace Weights.Pickle;

/// <summary>
/// The only names a pickle may use, and what they mean. The machine itself can make nothing but plain data; whatever else a
/// pickle asks for comes from here or is refused.
/// </summary>
internal interface IPickleVocabulary
{
    /// <summary>The meaning of a global: a <see cref="PickleFunction"/>, or any value that other functions take as argument.</summary>
    /// <exception cref="InvalidDataException">The name is not known here; the message holds it.</exception>
    object Global(string module, string name);

    /// <summary>What a persistent id stands for: for PyTorch, a storage.</summary>
    object Persistent(object? id);

    /// <summary>Sets the state of an object made by a function (Python's <c>__setstate__</c>).</summary>
    void Build(object? target, object? state);
}

/// <summary>A function a pickle may call: plain data in, plain data out.</summary>
internal delegate object PickleFunction(ReadOnlySpan<object?> arguments);
