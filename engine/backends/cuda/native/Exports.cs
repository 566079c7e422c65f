namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>
/// The entry points of one library by name: 0 if the name is absent. A table first requests all of its names and then calls
/// <see cref="Check"/>, so that one message lists everything that is missing.
/// </summary>
/// <param name="library">The library's name, for messages.</param>
/// <param name="find">The address of a name, or 0.</param>
internal sealed class Exports(string library, Func<string, nint> find)
{
    private readonly List<string> _missing = [];

    /// <summary>An entry point that this program requires.</summary>
    public nint Required(string name)
    {
        nint address = find(name);
        if (address == 0)
            _missing.Add(name);
        return address;
    }

    /// <summary>An entry point of later versions: 0 if absent.</summary>
    public nint Optional(string name) => find(name);

    /// <exception cref="EntryPointNotFoundException">A required entry point is missing: the library is older than the table.</exception>
    public void Check()
    {
        if (_missing.Count > 0)
            throw new EntryPointNotFoundException($"{library} lacks {string.Join(", ", _missing)}: it is too old");
    }
}
