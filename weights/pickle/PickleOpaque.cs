namespace Weights.Pickle;

/// <summary>
/// A class or function whose name means nothing here, or an object made by one. None of it is run. What the pickle gives it is kept as
/// plain data: a subclass of dict holds a state dict as well as a dict does, and a pickled module holds its tensors.
/// </summary>
/// <param name="name">Module and name, as the pickle has them.</param>
internal sealed class PickleOpaque(string name)
{
    public string Name => name;

    /// <summary>What it was called with.</summary>
    public object? Arguments { get; init; }

    /// <summary>Its attributes, or whatever else BUILD gave it.</summary>
    public object? State { get; set; }

    /// <summary>What was set under keys, as in a subclass of dict; null where nothing was.</summary>
    public PickleDictionary? Items { get; set; }

    /// <summary>What was appended, as to a subclass of list; null where nothing was.</summary>
    public List<object?>? Elements { get; set; }
}
