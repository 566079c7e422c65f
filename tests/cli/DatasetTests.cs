using Iba.Datasets;
using Iba.Images;
using Xunit;

namespace Tests.Cli;

public sealed class DatasetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_data_set_is_written_where_it_was_asked_for()
    {
        IbaProcess.Result result = IbaProcess.Run("dataset", "shapes", "--out", _folder["shapes"], "--count", "10", "--size", "32");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(10, new PhotoSet(Path.Combine(_folder["shapes"], "images")).Files.Count);
        Photo sheet = PhotoFile.Read(Path.Combine(_folder["shapes"], "contact-sheet.png"));
        Assert.True(sheet.Width > sheet.Height, "ten columns, four rows");
    }

    [Fact]
    public void No_images_are_refused_without_a_stack_trace()
    {
        IbaProcess.Result none = IbaProcess.Run("dataset", "shapes", "--out", _folder["none"], "--count", "0");
        Assert.Equal(2, none.ExitCode);
        Assert.Contains("--count 0", none.Error);
        Assert.DoesNotContain("   at ", none.Error);
    }
}
