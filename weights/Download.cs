using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Iba.Engine;
using Iba.Engine.Files;

namespace Iba.Weights;

/// <summary>The progress of a download.</summary>
/// <param name="Received">Bytes on disk, including those of an earlier run.</param>
/// <param name="Total">Bytes of the whole file.</param>
public readonly record struct DownloadProgress(long Received, long Total);

/// <summary>A download failed. The message names the source, the reason and what to do next.</summary>
public sealed class DownloadException(Uri source, string reason, string advice, Exception? inner = null)
    : IbaException($"{source}", reason, advice, inner);

/// <summary>
/// Downloads published files. Bytes go to FILE.part; an interrupted download resumes there. No response of a server shortens FILE.part: a
/// server that sends the whole file must repeat the bytes that are there, and bytes of a wrong response are removed again. Only a file of
/// the published size and SHA-256 is renamed to its final name.
/// </summary>
/// <param name="http">The client to use.</param>
/// <param name="clock">Measures how long the server sends nothing.</param>
public sealed class Download(HttpClient http, TimeProvider? clock = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Downloads a file into a folder, unless it is there already.</summary>
    /// <param name="weights">The file.</param>
    /// <param name="folder">The folder; created if missing.</param>
    /// <param name="progress">Called from time to time.</param>
    /// <param name="cancel">Stops the download and keeps the received bytes.</param>
    /// <returns>The path of the file.</returns>
    /// <exception cref="DownloadException">
    /// There is no network, the server does not have the file or sends another, the connection broke, or something else is in the file's place.
    /// </exception>
    /// <exception cref="FileWriteException">The folder cannot be written, or the disk is full. The received bytes are kept.</exception>
    public async Task<string> FetchAsync(
        PublishedWeights weights, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancel = default)
    {
        try
        {
            string path = Path.Combine(folder, weights.FileName);
            if (IsThere(weights, path, cancel))
                return path;
            Directory.CreateDirectory(folder);
            await FetchAsync(weights, path, $"{path}.part", progress, cancel);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FileWriteException(folder, AtomicFile.Reason(e), e);
        }
    }

    /// <summary>Whether the file was fetched before. Whatever else is in its place is found before the download, and stays.</summary>
    private static bool IsThere(PublishedWeights weights, string path, CancellationToken cancel)
    {
        if (FileStatus.Of(path, followsLink: false) is null)
            return false;
        string? reason = FileStatus.Of(path)?.Type switch
        {
            null => "is a link to nothing",
            // Reading a pipe would wait for its writer.
            not FileType.Regular => "exists and is no file",
            _ => weights.Is(Hash()) ? null : "exists and is not the published file",
        };
        return reason is null ? true : throw Refused(reason);

        string Hash()
        {
            try
            {
                return FileHash.Sha256(path, cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Refused($"exists and cannot be read ({AtomicFile.Reason(e)})");
            }
        }

        DownloadException Refused(string reason) => new(weights.Source, $"{path} {reason}", "Move it away, then fetch again.");
    }

    private async Task FetchAsync(
        PublishedWeights weights, string path, string part, IProgress<DownloadProgress>? progress, CancellationToken cancel)
    {
        long kept, total;
        try
        {
            await using FileStream file = OpenPart(weights, part);
            // It is longer than the whole file, so none of it can be trusted.
            if (file.Length > weights.Bytes)
                file.SetLength(0);
            kept = file.Length;
            total = kept == weights.Bytes || weights.Bytes is null && kept > 0 && weights.Is(FileHash.Sha256(file, cancel))
                ? kept
                : await ReceiveAsync(weights, file, progress, cancel);
            file.Flush(flushToDisk: true);
        }
        finally
        {
            // There is nothing to resume from.
            if (new FileInfo(part) is { Exists: true, Length: 0 })
                File.Delete(part);
        }

        string sha256 = FileHash.Sha256(part, cancel);
        if (!weights.Is(sha256))
            throw Discard(weights, part, kept, total, sha256);
        File.Move(part, path);
    }

    /// <summary>Removes the received bytes. Earlier bytes may be right and are kept, unless they were the whole file.</summary>
    private static DownloadException Discard(PublishedWeights weights, string part, long kept, long total, string sha256)
    {
        string reason = $"what arrived makes a file with the SHA-256 {sha256}, not {weights.Sha256}, and was deleted";
        if (kept == 0 || kept == total)
        {
            File.Delete(part);
            return new DownloadException(weights.Source, reason,
                "Fetch again; if it repeats, something between here and the server changes files.");
        }
        using (FileStream file = File.OpenWrite(part))
            file.SetLength(kept);
        return new DownloadException(weights.Source, $"{reason}; {kept} bytes from before are kept",
            $"Fetch again; if it repeats, they are wrong: delete {part}.");
    }

    private static FileStream OpenPart(PublishedWeights weights, string part)
    {
        const string Advice = "Check that no other download of it is running, that the folder can be written, and remove what stands there.";
        // A link would have its target overwritten, which may be any of the user's files.
        if (new FileInfo(part).LinkTarget is not null)
            throw new DownloadException(weights.Source, $"{part} is a link", Advice);
        try
        {
            var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (file.CanSeek)
                return file;
            file.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DownloadException(weights.Source, $"{part} cannot be opened ({e.Message.TrimEnd('.')})", Advice, e);
        }
        throw new DownloadException(weights.Source, $"{part} is no file", Advice);
    }

    /// <returns>The length of the whole file.</returns>
    private async Task<long> ReceiveAsync(
        PublishedWeights weights, FileStream file, IProgress<DownloadProgress>? progress, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(Patience, clock ?? TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, silence.Token);
        long? size = weights.Bytes;
        try
        {
            using HttpResponseMessage response = await RequestAsync(weights, file, stop.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(stop.Token);
            file.Position = response.StatusCode == HttpStatusCode.PartialContent ? file.Length : 0;
            size ??= file.Position + response.Content.Headers.ContentLength;
            if (size is not { } total)
                throw Answer(weights, "does not tell the length of the file");
            long kept = file.Length;
            byte[] block = new byte[1 << 17], known = new byte[block.Length];
            while (true)
            {
                silence.CancelAfter(Patience);
                int read = await body.ReadAsync(block, stop.Token);
                if (read == 0)
                    break;
                if (file.Position + read > total)
                {
                    file.SetLength(kept);
                    throw Answer(weights, $"sends more than the {total} bytes of the file");
                }
                int repeated = (int)Math.Clamp(kept - file.Position, 0, read);
                file.ReadExactly(known, 0, repeated);
                if (!block.AsSpan(0, repeated).SequenceEqual(known.AsSpan(0, repeated)))
                    throw Answer(weights, $"sends other bytes than those in {file.Name}", $"If those are wrong, delete {file.Name}. ");
                await file.WriteAsync(block.AsMemory(repeated, read - repeated), cancel);
                progress?.Report(new DownloadProgress(file.Length, total));
            }
            if (file.Length < total)
                throw Broken(weights, file, total, "the server closed the connection");
            return total;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Broken(weights, file, size, $"the server was silent for {Patience.TotalSeconds} seconds");
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException or IOException { InnerException: SocketException })
        {
            throw Broken(weights, file, size, $"there is no connection ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Requests the missing bytes and checks the response's headers: a part that starts there, or the whole file.</summary>
    private async Task<HttpResponseMessage> RequestAsync(PublishedWeights weights, FileStream file, CancellationToken cancel)
    {
        long have = file.Length;
        using var request = new HttpRequestMessage(HttpMethod.Get, weights.Source);
        if (have > 0)
            request.Headers.Range = new RangeHeaderValue(have, null);
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        // The redirect's target is not a valid address, or not http or https.
        catch (Exception e) when (e is UriFormatException or InvalidOperationException or NotSupportedException)
        {
            throw Answer(weights, $"sends to an address that cannot be fetched ({e.Message.TrimEnd('.')})");
        }
        try
        {
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && weights.Bytes is null)
                throw Answer(weights, $"has a file that is no longer than {file.Name}", "If that is of another file, delete it and fetch again. ");
            if (!response.IsSuccessStatusCode)
                throw Answer(weights, $"answers {(int)response.StatusCode} {response.StatusCode}");
            long from = response.StatusCode == HttpStatusCode.PartialContent ? have : 0;
            if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From != have)
                throw Answer(weights, "sends another part than it was asked for");
            if (response.Content.Headers.ContentLength is { } length && weights.Bytes is { } bytes && from + length != bytes)
                throw Answer(weights, $"offers {from + length} bytes, the published file has {bytes}");
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static DownloadException Answer(PublishedWeights weights, string doing, string advice = "") => new(weights.Source, $"the server {doing}",
        advice + "A proxy may answer in its stead: check the network, or fetch the file by other means and name it with --weights.");

    private static DownloadException Broken(PublishedWeights weights, FileStream file, long? total, string reason, Exception? inner = null) => new(
        weights.Source, $"{reason} after {file.Length} of {total?.ToString() ?? "an unknown number of"} bytes",
        "Check the network and fetch again; it goes on from there. Or fetch the file by other means and name it with --weights.", inner);
}
