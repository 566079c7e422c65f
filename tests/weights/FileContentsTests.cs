using System.Diagnostics;
using System.Security.Cryptography;
using Iba.Engine.Files;
using Iba.Labels;
using Iba.Relevance;
using Iba.Statistics;
using Iba.Weights;
using Xunit;

namespace Tests.Weights;

/// <summary>A file is read once: pipes work like files, and the hash is that of the bytes used.</summary>
public sealed class FileContentsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain.pth")]
    [InlineData("plain.legacy.pth")]
    [InlineData("deflated.pth")]
    [InlineData("expected.safetensors")]
    public async Task A_pipe_gives_the_numbers_and_the_hash_of_its_bytes(string file)
    {
        byte[] bytes = Fixture.Bytes(file);
        string pipe = Pipe();
        Task writing = Task.Run(() => File.WriteAllBytes(pipe, bytes), TestContext.Current.CancellationToken);
        using StateDict piped = StateDict.Open(pipe), plain = StateDict.Open(Fixture.Path(file));
        await writing;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), piped.Sha256());
        Assert.Equal(bytes.Length, piped.Bytes);
        Assert.Equal(plain.Entries.Select(entry => $"{entry}"), piped.Entries.Select(entry => $"{entry}"));
        Assert.All(plain.Entries, entry => Assert.Equal(entry.ReadBytes(), piped[entry.Name].ReadBytes()));
    }

    [Fact]
    public void Of_a_stream_without_an_end_no_more_than_the_bound_is_read()
    {
        using var endless = new Endless();
        FileFormatException refused = Assert.Throws<FileFormatException>(() => FileSource.Of(endless, "endless").Read(most: 3_000_000));
        Assert.Contains("it does not end within 3000000 bytes", refused.Message);
        Assert.Equal(3_000_000, endless.Given);
    }

    [Fact]
    public async Task Reading_a_pipe_without_a_writer_can_be_cancelled()
    {
        string pipe = Pipe();
        using var cancel = new CancellationTokenSource();
        Task opening = Task.Run(() => StateDict.Open(pipe, cancel: cancel.Token), TestContext.Current.CancellationToken);
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
        // Wakes the thread that waits in the kernel. Opening a FIFO for both ends never blocks.
        new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite).Dispose();
    }

    [Fact]
    public async Task Reading_statistics_patterns_or_labels_from_a_pipe_without_a_writer_can_be_cancelled()
    {
        string pipe = Pipe();
        foreach (Action<CancellationToken> read in (Action<CancellationToken>[])[
            cancel => FeatureStatistics.Load(pipe, cancel), cancel => Patterns.Load(pipe, cancel), cancel => ClassLabels.Read(pipe, cancel)])
        {
            using var cancel = new CancellationTokenSource();
            Task reading = Task.Run(() => read(cancel.Token), TestContext.Current.CancellationToken);
            cancel.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
            new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite).Dispose();
        }
    }

    [Fact]
    public async Task A_pipe_of_something_else_is_named_before_it_ends()
    {
        // Two megabytes of an endless stream are enough to see that it is not such a file.
        string pipe = Pipe();
        Task writing = Task.Run(() =>
        {
            using var to = new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            byte[] zeros = new byte[1 << 16];
            try
            {
                while (true)
                    to.Write(zeros);
            }
            catch (IOException)
            {
                // The reader has closed its end, as expected.
            }
        }, TestContext.Current.CancellationToken);
        Assert.Contains("neither a PyTorch file", Assert.Throws<FileFormatException>(() => StateDict.Open(pipe)).Message);
        await writing;
    }

    [Fact]
    public void What_happens_to_a_file_after_it_was_opened_changes_neither_numbers_nor_hash()
    {
        byte[] bytes = Fixture.Bytes("plain.pth");
        string path = _folder.With("a.pth", bytes);
        using StateDict dict = StateDict.Open(path);
        using SafetensorsFile expected = SafetensorsFile.Open(Fixture.Path("expected.safetensors"));
        File.WriteAllBytes(path, new byte[bytes.Length]);
        Assert.Equal(expected.ReadFloats("double"), dict["double"].Read());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), dict.Sha256());
        File.Delete(path);
        Assert.Equal(expected.ReadFloats("contiguous"), dict["contiguous"].Read());
    }

    [Fact]
    public void Contents_longer_than_a_block_are_the_files_bytes()
    {
        // Blocks have 16 MiB.
        byte[] bytes = new byte[(16 << 20) + 12_345];
        new Random(1).NextBytes(bytes);
        using FileContents contents = FileContents.Read(_folder.With("a", bytes));
        byte[] across = new byte[20_000];
        contents.Read(across, (16 << 20) - 10_000);
        Assert.Equal(bytes[((16 << 20) - 10_000)..((16 << 20) + 10_000)], across);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), contents.Sha256());
        Assert.Throws<InvalidDataException>(() => contents.Read(new byte[2], bytes.Length - 1));
        Assert.Throws<InvalidDataException>(() => contents.Read(new byte[1], -1));
        contents.Dispose();
        Assert.Throws<ObjectDisposedException>(() => contents.Read(new byte[1], 0));
    }

    private string Pipe()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no FIFOs");
        using Process process = Process.Start("mkfifo", _folder["pipe"]);
        process.WaitForExit();
        return _folder["pipe"];
    }

    private sealed class Endless : MemoryStream
    {
        public long Given { get; private set; }

        public override bool CanSeek => false;

        public override int Read(Span<byte> to)
        {
            Given += to.Length;
            return to.Length;
        }
    }
}
