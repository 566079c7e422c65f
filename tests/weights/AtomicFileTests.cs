using System.Diagnostics;
using Iba.Engine.Files;
using Xunit;

namespace Tests.Weights;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_appears_only_when_all_of_it_is_written()
    {
        AtomicFile.Write(_folder["a"], stream =>
        {
            stream.Write([1, 2]);
            Assert.False(File.Exists(_folder["a"]));
        });
        Assert.Equal([1, 2], File.ReadAllBytes(_folder["a"]));
        Assert.Equal(["a"], _folder.Files);
    }

    [Fact]
    public void After_an_exception_the_older_file_stays_and_nothing_else()
    {
        AtomicFile.Write(_folder["a"], [1]);
        Assert.Throws<DllNotFoundException>(() => AtomicFile.Write(_folder["a"], stream =>
        {
            stream.Write([2]);
            throw new DllNotFoundException();
        }));
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
    public void A_folder_a_name_too_long_and_a_circle_of_links_are_refused_by_the_name_given()
    {
        Directory.CreateDirectory(_folder["a"]);
        string tooLong = _folder[new string('x', 300)], circle = _folder["circle"];
        File.CreateSymbolicLink(circle, circle);
        foreach (string path in (string[])[_folder["a"], tooLong, circle])
        {
            Assert.StartsWith($"{path}: it cannot be written", Assert.Throws<FileWriteException>(() => AtomicFile.Write(path, [1])).Message);
            Assert.StartsWith($"{path}: it cannot be written", Assert.Throws<FileWriteException>(() => AtomicFile.Try(path)).Message);
        }
        Assert.DoesNotContain(_folder.Files, name => name.EndsWith(".iba-tmp", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)]
    public void An_existing_file_keeps_its_mode(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("modes are Unix's");
            return;
        }
        File.WriteAllBytes(_folder["a"], [1]);
        File.SetUnixFileMode(_folder["a"], mode);
        AtomicFile.Write(_folder["a"], [2]);
        Assert.Equal(mode, File.GetUnixFileMode(_folder["a"]));
        File.WriteAllBytes(_folder["plain"], []);
        AtomicFile.Write(_folder["new"], [2]);
        Assert.Equal(File.GetUnixFileMode(_folder["plain"]), File.GetUnixFileMode(_folder["new"]));
    }

    [Fact]
    public void A_links_target_is_written_whether_or_not_it_exists_and_the_link_stays()
    {
        Directory.CreateDirectory(_folder["real/deep"]);
        Directory.CreateSymbolicLink(_folder["folder"], "real/deep");
        // Relative to the link's real folder: real/deep/../target.
        File.CreateSymbolicLink(_folder["real/deep/link"], "../target");
        File.CreateSymbolicLink(_folder["outer"], "folder/link");
        for (byte written = 1; written <= 2; written++)
        {
            AtomicFile.Write(_folder["outer"], [written]);
            Assert.Equal([written], File.ReadAllBytes(_folder["real/target"]));
        }
        Assert.Equal("folder/link", new FileInfo(_folder["outer"]).LinkTarget);
        Assert.Equal("../target", new FileInfo(_folder["real/deep/link"]).LinkTarget);
    }

    [Fact]
    public async Task A_pipe_is_written_into_and_stays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        using (Process made = Process.Start("mkfifo", [_folder["pipe"]]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        AtomicFile.Try(_folder["pipe"]);
        Task<byte[]> reader = Task.Run(() => File.ReadAllBytes(_folder["pipe"]), TestContext.Current.CancellationToken);
        await Task.Run(() => AtomicFile.Write(_folder["pipe"], [1, 2, 3]), TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3], await reader);
        Assert.Equal(FileType.Pipe, FileStatus.Of(_folder["pipe"])!.Value.Type);
        Assert.Equal(["pipe"], _folder.Files);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_wait_for_a_pipes_reader_ends_on_cancellation_and_a_file_is_written_all_the_same(bool opened)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "FIFOs are Unix's");
        using (Process made = Process.Start("mkfifo", [_folder["pipe"]]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        // Opened for both directions, which does not wait, and never read: a pipe holds 64 KiB, so the write hangs.
        using FileStream? other = opened ? new FileStream(_folder["pipe"], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0) : null;
        using var stop = new CancellationTokenSource();
        Task waiting = Task.Run(() => AtomicFile.Write(_folder["pipe"], new byte[1 << 22], stop.Token), TestContext.Current.CancellationToken);
        if (other is not null)
            Assert.Equal(0, other.ReadByte());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        AtomicFile.Write(_folder["a"], [1], stop.Token);
        Assert.Equal(["a", "pipe"], _folder.Files);
        // Ends the abandoned call.
        using FileStream reader = new(_folder["pipe"], FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    [Fact]
    public void A_device_is_written_into_and_a_full_one_says_so()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/full is Linux's");
        AtomicFile.Write("/dev/null", [1]);
        Assert.Equal(FileType.Device, FileStatus.Of("/dev/null")!.Value.Type);
        File.CreateSymbolicLink(_folder["full"], "/dev/full");
        FileWriteException full = Assert.Throws<FileWriteException>(() => AtomicFile.Write(_folder["full"], [1]));
        Assert.Equal((_folder["full"], "No space left on device"), (full.Subject, full.Reason));
        Assert.Equal("/dev/full", new FileInfo(_folder["full"]).LinkTarget);
    }

    [Fact]
    public void A_write_check_leaves_nothing_behind_and_changes_nothing()
    {
        File.WriteAllBytes(_folder["a"], [1]);
        DateTime before = File.GetLastWriteTimeUtc(_folder["a"]);
        AtomicFile.Try(_folder["a"]);
        AtomicFile.Try(_folder["new/deep/b"]);
        AtomicFile.TryIn(_folder["new/deep"]);
        Assert.Equal(["a"], _folder.Files);
        Assert.False(Directory.Exists(_folder["new"]));
        Assert.Equal(before, File.GetLastWriteTimeUtc(_folder["a"]));
        Assert.Contains("is no folder", Assert.Throws<FileWriteException>(() => AtomicFile.TryIn(_folder["a/b"])).Reason);
    }

    [Fact]
    public void Only_temporary_files_of_dead_writers_are_swept()
    {
        string dead = _folder[".1-dead.iba-tmp"], other = _folder[".other.tmp"], live = _folder[".2-live.iba-tmp"];
        foreach (string path in (string[])[dead, other])
            File.WriteAllBytes(path, [1]);
        using (new FileStream(live, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete))
        {
            AtomicFile.Write(_folder["a"], [1]);
            Assert.Equal(new[] { ".2-live.iba-tmp", ".other.tmp", "a" }, _folder.Files.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Many_writers_of_one_file_leave_one_of_their_files_whole()
    {
        Parallel.For(0, 40, i => AtomicFile.Write(_folder["a"], Enumerable.Repeat((byte)i, 5000).ToArray()));
        byte[] left = File.ReadAllBytes(_folder["a"]);
        Assert.Equal(5000, left.Length);
        Assert.Single(left.Distinct());
        Assert.Equal(["a"], _folder.Files);
    }
}
