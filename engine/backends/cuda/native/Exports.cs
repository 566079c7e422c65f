namespace Engine.Backends.Cuda.Native;

/// <summary>
/// The entry points of one library by name: 0 where it has none of that name. A table asks for all of its names first and then
/// for a verdict, so that one message lists everything that is missing.
/// </summary>
/// <param name="library">What people call the library.</param>
/// <param name="find">The address of a name, or 0.</param>
internal sealed class Exports(string library, Func<string, nint> find)
{
    private readonly List<string> _missing = [];

    /// <summary>An entry point without which the library is of no use here.</summary>
    public nint Required(string name)
    {
        nint address = find(name);
        if (address == 0)
            _missing.Add(name);
        return address;
    }

    /// <summary>An entry point that younger versions have: 0 where it is absent.</summary>
    public nint Optional(string name) => find(name);

    /// <exception cref="EntryPointNotFoundException">Something required is missing: the library is older than the table.</exception>
    public void Check()
    {
        if (_missing.Count > 0)
            throw new EntryPointNotFoundException($"{library} lacks {string.Join(", ", _missing)}: it is too old");
    }
}
