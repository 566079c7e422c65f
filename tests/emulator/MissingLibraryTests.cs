using System.Globalization;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Xunit;

namespace Tests.Emulator;

/// <summary>What the table of docs/deploy.md says of each of NVIDIA's libraries, by taking each away from a machine that has what it needs.</summary>
public sealed class MissingLibraryTests : IDisposable
{
    /// <summary>How the last column of a row begins that says nothing is lost.</summary>
    private const string Nothing = "nothing";

    private readonly FakeGpu _gpu = new();

    public void Dispose() => _gpu.Dispose();

    [Fact]
    public void The_table_has_every_library_that_is_looked_for() => Assert.Equal(
        Enum.GetValues<Library>().Select(library => LibraryNames.Of(library, LibraryNames.OldestMajor, windows: false)).Order(),
        Table().Select(row => row.Library).Order());

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void The_sums_of_the_table_are_those_of_its_rows(int column)
    {
        Assert.Equal(Lines().Where(cells => cells[1] == "yes").Sum(cells => Bytes(cells[column])), Sum("sum of what is needed"));
        Assert.Equal(Lines().Sum(cells => Bytes(cells[column])), Sum("sum of all"));

        long Sum(string name) => Bytes(Lines($"| {name} |").Single()[column]);
        static long Bytes(string cell) => cell == "-" ? 0 : long.Parse(cell, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Without_what_the_table_calls_no_loss_the_doctor_finds_nothing()
    {
        var none = Table().Where(row => row.Without.StartsWith(Nothing, StringComparison.Ordinal));
        Assert.All(none, row => Assert.False(_gpu.Remove(row.Library), row.Library));
        Assert.All(Examine().Findings, finding => Assert.Equal(Severity.Fine, finding.Severity));
        Open().Dispose();
    }

    public static TheoryData<string, bool, string> Missed() =>
        [.. Table().Where(row => !row.Without.StartsWith(Nothing, StringComparison.Ordinal))];

    /// <summary>
    /// Where it is needed, cuda is refused by a message that names it and says what to do, and auto has its reason; else something is slower.
    /// </summary>
    [Theory]
    [MemberData(nameof(Missed))]
    public void A_library_that_is_taken_away_is_missed_as_the_table_says(string library, bool needed, string without)
    {
        Assert.True(_gpu.Remove(library));
        Diagnosis diagnosis = Examine();
        Finding finding = Assert.Single(diagnosis.Findings, finding => finding.Severity != Severity.Fine);
        Assert.NotNull(finding.Remedy);
        if (!needed)
        {
            Assert.Equal(Severity.Slower, finding.Severity);
            Assert.Contains(without, finding.Message);
            Assert.Null(diagnosis.Gap);
            Open().Dispose();
            return;
        }
        Assert.Equal(finding, diagnosis.Gap);
        NoCudaException refused = Assert.Throws<NoCudaException>(() => Open().Dispose());
        Assert.Contains(library == "libcudnn.so.9" ? "cuDNN: not found" : library, refused.Message);
        Assert.Contains(finding.Remedy, refused.Message);
    }

    private Diagnosis Examine() => Doctor.Examine(_gpu.Libraries(), Precision.TensorFloat32);

    /// <summary>As the command and the service open it.</summary>
    private CudaBackend Open() => CudaBackend.Open(_gpu.Libraries(), 0, Precision.TensorFloat32, requiresCudnn: true);

    /// <summary>The libraries of the table: the first name of the first column, whether the second says yes, and the last.</summary>
    private static IEnumerable<(string Library, bool Needed, string Without)> Table() =>
        Lines().Select(cells => (cells[0].Split('`')[1], cells[1] == "yes", cells[^1]));

    /// <summary>The cells of the table's lines that begin so.</summary>
    private static IEnumerable<string[]> Lines(string beginning = "| `lib") =>
        from line in File.ReadLines(Path.Combine(Golden.Root, "docs", "deploy.md"))
        where line.StartsWith(beginning, StringComparison.Ordinal)
        select line[1..^1].Split('|', StringSplitOptions.TrimEntries);
}
