using System.Diagnostics;
using System.Security.Cryptography;
using Iba;
using Iba.Engine.Files;
using Iba.Weights;
using Xunit;

namespace Tests.Weights;

public sealed class DownloadTests : IDisposable
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 700_000).Select(i => (byte)(i * 2654435761 >> 13))];

    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackServer _server = new(Bytes);
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });

    public void Dispose()
    {
        _http.Dispose();
        _server.Dispose();
        _folder.Dispose();
    }

    private PublishedWeights Published => new(
        "test", "resnet50", "", _server.Source, Bytes.Length, Convert.ToHexStringLower(SHA256.HashData(Bytes)));

    private PublishedWeights Unsized => Published with { Bytes = null, Sha256 = Published.Sha256[..8] };

    private string Part => $"{Published.FileName}.part";

    [Fact]
    public async Task A_file_arrives_whole_under_its_name_and_is_not_fetched_twice()
    {
        var reports = new List<DownloadProgress>();
        string path = await Fetch(new ProgressRelay<DownloadProgress>(reports.Add));
        Assert.Equal(Bytes, File.ReadAllBytes(path));
        Assert.Equal([Published.FileName], _folder.Files);
        Assert.Equal(new DownloadProgress(Bytes.Length, Bytes.Length), reports[^1]);
        Assert.Equal(reports.OrderBy(r => r.Received), reports);

        Assert.Equal(path, await Fetch());
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broken_download_resumes_where_it_stopped(bool tellsLength)
    {
        (_server.CutAfter, _server.TellsLength) = (300_000, tellsLength);
        var error = await Assert.ThrowsAsync<DownloadException>(() => Fetch());
        Assert.Contains("of 700000 bytes", error.Message);
        Assert.Equal([Part], _folder.Files);
        long arrived = new FileInfo(_folder[Part]).Length;
        Assert.InRange(arrived, 1, 300_000);

        _server.CutAfter = int.MaxValue;
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
        Assert.Equal([0, arrived], _server.Requests);
        Assert.Equal([Published.FileName], _folder.Files);
    }

    [Fact]
    public async Task A_server_without_ranges_sends_everything_again()
    {
        _server.KnowsRanges = false;
        _folder.With(Part, Bytes.AsSpan(0, 1000));
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
        Assert.Equal([1000], _server.Requests);
    }

    [Fact]
    public async Task A_part_that_is_complete_needs_no_server()
    {
        _folder.With(Part, Bytes);
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_part_longer_than_the_file_is_downloaded_again()
    {
        _folder.With(Part, new byte[Bytes.Length + 1]);
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
        Assert.Equal([0], _server.Requests);
    }

    [Fact]
    public async Task A_part_of_another_file_is_detected_and_named()
    {
        _folder.With(Part, new byte[1000]);
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message;
        Assert.Contains("SHA-256", message);
        Assert.Contains($"delete {_folder[Part]}", message);
        Assert.Equal(new byte[1000], File.ReadAllBytes(_folder[Part]));

        File.Delete(_folder[Part]);
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
    }

    [Fact]
    public async Task A_whole_file_with_another_hash_is_deleted()
    {
        _folder.With(Part, new byte[Bytes.Length]);
        Assert.Contains("SHA-256", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Empty(_folder.Files);
    }

    [Theory]
    [InlineData(200, false, true, 20, "offers 20 bytes")]                  // a captive portal's page
    [InlineData(200, false, false, 20, "other bytes")]                     // the same, without a length
    [InlineData(200, false, false, 600_000, "other bytes")]
    [InlineData(200, false, true, 700_000, "other bytes")]                 // another file of the same size
    [InlineData(200, true, true, 400_000, "bytes from before are kept")]   // the right part of another file
    [InlineData(200, true, false, 400_001, "more than the 700000 bytes")]
    [InlineData(302, false, true, 20, "answers 302")]
    [InlineData(416, false, true, 20, "answers 416")]
    [InlineData(503, false, false, 20, "answers 503")]
    public async Task A_partial_download_survives_every_wrong_answer(int status, bool knowsRanges, bool tellsLength, int length, string says)
    {
        byte[] half = Bytes[..300_000];
        _folder.With(Part, half);
        (_server.Status, _server.KnowsRanges, _server.TellsLength, _server.Instead) = (status, knowsRanges, tellsLength, new byte[length]);
        Assert.Contains(says, (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Equal(half, File.ReadAllBytes(_folder[Part]));

        (_server.Status, _server.KnowsRanges, _server.Instead) = (200, true, null);
        Assert.Equal(Bytes, File.ReadAllBytes(await Fetch()));
        Assert.Equal(300_000, _server.Requests[^1]);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("file://")]
    [InlineData("http://")]
    [InlineData("http://[")]
    [InlineData("ftp://example.org/x")]
    public async Task A_redirect_to_what_cannot_be_fetched_is_reported(string location)
    {
        (_server.Status, _server.Location) = (302, location);
        Assert.Contains("--weights", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task A_part_that_is_a_link_is_not_followed()
    {
        string target = _folder.With("target", [1, 2, 3]);
        File.CreateSymbolicLink(_folder[Part], target);
        Assert.Contains("is a link", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(target));
    }

    [Fact]
    public async Task A_file_of_another_size_is_refused_before_it_is_received()
    {
        PublishedWeights other = Published with { Bytes = Bytes.Length - 1 };
        var error = await Assert.ThrowsAsync<DownloadException>(() => new Download(_http).FetchAsync(other, _folder[""]));
        Assert.Contains("offers 700000 bytes, the published file has 699999", error.Message);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task An_endless_body_is_stopped_at_the_published_size()
    {
        _server.TellsLength = false;
        PublishedWeights other = Published with { Bytes = 1000 };
        var error = await Assert.ThrowsAsync<DownloadException>(() => new Download(_http).FetchAsync(other, _folder[""]));
        Assert.Contains("more than the 1000 bytes", error.Message);
    }

    [Fact]
    public async Task Another_part_than_was_asked_for_is_refused()
    {
        _server.Shift = 5;
        _folder.With(Part, Bytes.AsSpan(0, 1000));
        Assert.Contains("another part", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Equal(1000, new FileInfo(_folder[Part]).Length);
    }

    [Theory]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(500)]
    public async Task An_HTTP_error_is_reported(int status)
    {
        _server.Status = status;
        var error = await Assert.ThrowsAsync<DownloadException>(() => Fetch());
        Assert.Contains($"the server answers {status}", error.Message);
        Assert.Contains("--weights", error.Message);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task No_network_is_reported_with_the_next_step()
    {
        Uri source;
        using (var gone = new LoopbackServer(Bytes))
            source = gone.Source;
        var error = await Assert.ThrowsAsync<DownloadException>(
            () => new Download(_http).FetchAsync(Published with { Source = source }, _folder[""]));
        Assert.Contains("there is no connection", error.Message);
        Assert.Contains("--weights", error.Message);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public async Task A_server_that_stops_sending_is_given_up_and_what_arrived_is_kept()
    {
        (_server.CutAfter, _server.Stalls) = (1000, true);
        var clock = new RingingClock();
        var error = await Assert.ThrowsAsync<DownloadException>(
            () => new Download(_http, clock).FetchAsync(Published, _folder[""], Once(clock.Ring)));
        Assert.Contains("was silent for 60 seconds after 1000 of", error.Message);
        Assert.Equal(1000, new FileInfo(_folder[Part]).Length);
    }

    [Fact]
    public async Task A_cancelled_download_keeps_what_arrived()
    {
        (_server.CutAfter, _server.Stalls) = (1000, true);
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Fetch(Once(cancel.Cancel), cancel.Token));
        Assert.Equal(1000, new FileInfo(_folder[Part]).Length);
    }

    /// <summary>Of most files only the first eight digits of the hash are published, in their names, and no size.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(300_000)]
    [InlineData(700_000)]
    public async Task A_file_of_unknown_size_is_checked_by_the_digits_in_its_name_and_resumes_too(int kept)
    {
        if (kept > 0)
            _folder.With(Part, Bytes.AsSpan(0, kept).ToArray());
        string path = await Fetch(Unsized);
        Assert.Equal(Bytes, File.ReadAllBytes(path));
        Assert.Equal(kept == Bytes.Length ? [] : [kept], _server.Requests);

        await Fetch(Unsized);
        Assert.Contains("Move it away", (await Assert.ThrowsAsync<DownloadException>(() => Fetch(Unsized with { Sha256 = "00000000" }))).Message);
        File.Delete(path);
        Assert.Contains("not 00000000", (await Assert.ThrowsAsync<DownloadException>(() => Fetch(Unsized with { Sha256 = "00000000" }))).Message);
        Assert.Empty(_folder.Files);
        _server.TellsLength = false;
        Assert.Contains("does not tell the length", (await Assert.ThrowsAsync<DownloadException>(() => Fetch(Unsized))).Message);
    }

    [Fact]
    public async Task A_file_that_is_there_and_is_another_is_not_overwritten()
    {
        _folder.With(Published.FileName, [1, 2, 3]);
        Assert.Contains("Move it away", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(_folder[Published.FileName]));
    }

    [Theory]
    [InlineData("a folder", "exists and is no file")]
    [InlineData("a pipe", "exists and is no file")]
    [InlineData("a device", "exists and is no file")]
    [InlineData("a link to a folder", "exists and is no file")]
    [InlineData("a link to nothing", "is a link to nothing")]
    [InlineData("a link to another file", "exists and is not the published file")]
    public async Task Whatever_is_in_the_files_place_is_found_before_the_download_and_stays(string what, string says)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "pipes and devices in folders are Unix's");
        string place = _folder[Published.FileName];
        switch (what)
        {
            case "a folder":
                Directory.CreateDirectory(place);
                break;
            case "a pipe":
                using (Process made = Process.Start("mkfifo", [place]))
                    await made.WaitForExitAsync(TestContext.Current.CancellationToken);
                break;
            default:
                _folder.With("other", [1, 2, 3]);
                string target = what == "a device" ? "/dev/zero" : what == "a link to a folder" ? "." : what == "a link to nothing" ? "nothing" : "other";
                File.CreateSymbolicLink(place, target);
                break;
        }
        string message = (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message;
        Assert.Contains($"{place} {says}. Move it away", message);
        Assert.Empty(_server.Requests);
        Assert.NotNull(FileStatus.Of(place, followsLink: false));
    }

    [Fact]
    public async Task A_link_to_the_published_file_is_as_good_as_the_file()
    {
        _folder.With("elsewhere", Bytes);
        File.CreateSymbolicLink(_folder[Published.FileName], "elsewhere");
        Assert.Equal(_folder[Published.FileName], await Fetch());
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named_with_the_reason_and_the_next_step()
    {
        _folder.With("file", [1]);
        File.CreateSymbolicLink(_folder["link"], "nowhere/at/all");
        foreach (string folder in (string[])[Path.Combine(_folder["file"], "deep"), _folder["file"], _folder["link"]])
        {
            var error = await Assert.ThrowsAsync<FileWriteException>(() => new Download(_http).FetchAsync(Published, folder));
            Assert.StartsWith($"{folder}: it cannot be written (", error.Message);
            Assert.Contains("name another place", error.Message);
        }
        Assert.Empty(_server.Requests);
        Assert.Equal([1], File.ReadAllBytes(_folder["file"]));
    }

    [Fact]
    public async Task Two_downloads_of_one_file_do_not_mix()
    {
        using FileStream other = new(_folder[Part], FileMode.Create, FileAccess.Write, FileShare.None);
        other.WriteByte(1);
        other.Flush();
        Assert.Contains("no other download", (await Assert.ThrowsAsync<DownloadException>(() => Fetch())).Message);
    }

    [Fact]
    public void Names_of_published_files_begin_with_their_hash()
    {
        Assert.All(Catalogue.Entries, entry => Assert.EndsWith($"-{entry.Sha256[..8]}.pth", entry.FileName));
        Assert.Equal(Catalogue.Entries.Count, Catalogue.Entries.Select(entry => entry.Name).Distinct().Count());
        Assert.All(Catalogue.Entries, entry => Assert.Same(entry, Catalogue.Find(entry.FileName)));
    }

    /// <summary>Acts when the thousand bytes before a stall have arrived.</summary>
    private static ProgressRelay<DownloadProgress> Once(Action act) => new(progress =>
    {
        if (progress.Received == 1000)
            act();
    });

    private Task<string> Fetch(PublishedWeights weights) => new Download(_http).FetchAsync(weights, _folder[""]);

    private Task<string> Fetch(IProgress<DownloadProgress>? progress = null, CancellationToken cancel = default) =>
        new Download(_http).FetchAsync(Published, _folder[""], progress, cancel);

    /// <summary>A clock whose timers fire when the test says so.</summary>
    private sealed class RingingClock : TimeProvider
    {
        private Action? _ring;

        public void Ring() => _ring!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ring = () => callback(state);
            return new Timer();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;
            public void Dispose() { }
            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
