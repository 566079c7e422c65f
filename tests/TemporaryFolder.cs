namespace Tests;

/// <summary>A folder that is deleted at the end of the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("iba-test-").FullName;

    public string this[string file] => Path.Combine(_path, file);
    public string[] Files => [.. Directory.GetFileSystemEntries(_path).Select(entry => Path.GetFileName(entry)!).Order()];

    public string With(string file, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(this[file], bytes);
        return this[file];
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
