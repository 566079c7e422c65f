namespace Iba.Weights.Pickle;

/// <summary>
/// An unknown class or function, or an object created by one. None of it is executed. What the pickle passes to it is kept as plain data,
/// so state dicts in a subclass of dict and tensors in a pickled module are found.
/// </summary>
/// <param name="name">Module and name, as in the pickle.</param>
internal sealed class PickleOpaque(string name)
{
    public string Name => name;

    /// <summary>The arguments of its call.</summary>
    public object? Arguments { get; init; }

    /// <summary>Its attributes, or any other argument of BUILD.</summary>
    public object? State { get; set; }

    /// <summary>Values set under keys, as in a subclass of dict; null if none.</summary>
    public PickleDictionary? Items { get; set; }

    /// <summary>Values appended, as to a subclass of list; null if none.</summary>
    public List<object?>? Elements { get; set; }
}
