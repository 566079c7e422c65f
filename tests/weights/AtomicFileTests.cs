using Engine.Files;
using Xunit;

namespace Tests.Weights;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_appears_only_when_it_is_committed()
    {
        using (var file = new AtomicFile(_folder["a"]))
        {
            file.Stream.Write([1, 2]);
            Assert.False(File.Exists(_folder["a"]));
            file.Commit();
        }
        Assert.Equal([1, 2], File.ReadAllBytes(_folder["a"]));
        Assert.Equal(["a"], _folder.Files);
    }

    [Fact]
    public void Without_a_commit_the_older_file_stays_and_nothing_else()
    {
        AtomicFile.Write(_folder["a"], [1]);
        using (var file = new AtomicFile(_folder["a"]))
            file.Stream.Write([2]);
        Assert.Equal([1], File.ReadAllBytes(_folder["a"]));
        Assert.Equal(["a"], _folder.Files);
    }

    [Fact]
    public void Missing_folders_are_made_and_an_older_file_is_replaced()
    {
        string path = Path.Combine(_folder["new"], "deep", "a");
        AtomicFile.Write(path, [1, 2, 3]);
        AtomicFile.Write(path, [4]);
        Assert.Equal([4], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_folder_of_that_name_is_an_error_that_names_it()
    {
        Directory.CreateDirectory(_folder["a"]);
        Assert.Contains($"{_folder["a"]}: this is a folder", Assert.Throws<IOException>(() => new AtomicFile(_folder["a"])).Message);
    }
}
