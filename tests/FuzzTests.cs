using Fuzz;
using Xunit;

namespace Tests;

/// <summary>
/// The fuzzer of tests/fuzz for some seconds: the same cases every time. tests/fuzz.sh runs it for longer, guided by coverage.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private const int Cases = 1000;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Readers => [.. Reader.All.Select(reader => reader.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Readers))]
    public void Changed_files_are_read_or_refused_in_plain_words_within_their_memory(string reader)
    {
        var fuzzer = new Fuzzer(Of(reader), seed: 1, _folder["case"], new AllocatedBytes());
        for (int i = 0; i < Cases; i++)
            fuzzer.Next();
        Assert.Empty(fuzzer.Failures.Keys);
    }

    [Theory, MemberData(nameof(Readers))]
    public void Bombs_take_no_more_memory_than_their_length_allows(string reader)
    {
        var fuzzer = new Fuzzer(Of(reader), seed: 1, _folder["case"], new AllocatedBytes());
        foreach ((string name, byte[] file) in Seeds.Bombs(reader))
        {
            string? failure = fuzzer.Try(file).Failure;
            Assert.True(failure is null, $"{name}: {failure}");
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_files()
    {
        byte[] file = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
        Assert.Equal(Some(), Some());
        Assert.Contains(Some(), changed => !changed.SequenceEqual(file));

        byte[][] Some()
        {
            var mutation = new Mutation(7, ["word"]);
            return [.. Enumerable.Range(0, 50).Select(_ => mutation.Change(file, file))];
        }
    }

    private static Reader Of(string name) => Reader.All.Single(reader => reader.Name == name);
}
