using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Weights;

/// <summary>How far a download has come.</summary>
/// <param name="Received">Bytes on disk, those of an earlier run included.</param>
/// <param name="Total">Bytes of the whole file.</param>
public readonly record struct DownloadProgress(long Received, long Total);

/// <summary>A file could not be fetched. The message names the source, the reason and what to do next.</summary>
public sealed class DownloadException(Uri source, string reason, string advice, Exception? inner = null)
    : IOException($"{source}: {reason}. {advice}", inner);

/// <summary>
/// Fetches published files. Bytes go to FILE.part; a broken or cancelled download goes on from there, if the server can. Only a file
/// of the published size and SHA-256 gets its name.
/// </summary>
/// <param name="http">The client to use.</param>
/// <param name="clock">Measures how long the server is silent.</param>
public sealed class Download(HttpClient http, TimeProvider? clock = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Fetches a file into a folder, unless it is there already.</summary>
    /// <param name="weights">What to fetch.</param>
    /// <param name="folder">Where to put it; made if missing.</param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="cancel">Stops and keeps what has arrived.</param>
    /// <returns>The path of the file.</returns>
    /// <exception cref="DownloadException">
    /// There is no network, the server lacks the file or sends another, or the connection broke.
    /// </exception>
    public async Task<string> FetchAsync(
        PublishedWeights weights, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancel = default)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, weights.FileName), part = $"{path}.part";
        if (File.Exists(path))
        {
            return FileHash.Sha256(path, cancel) == weights.Sha256
                ? path
                : throw new DownloadException(
                    weights.Source, $"{path} exists and is not the published file", "Move it away, then fetch again.");
        }

        try
        {
            await using FileStream file = OpenPart(weights, part);
            if (file.Length > weights.Bytes)
                file.SetLength(0);
            if (file.Length < weights.Bytes)
                await ReceiveAsync(weights, file, progress, cancel);
            file.Flush(flushToDisk: true);
        }
        finally
        {
            // Nothing to go on from.
            if (new FileInfo(part) is { Exists: true, Length: 0 })
                File.Delete(part);
        }

        string sha256 = FileHash.Sha256(part, cancel);
        if (sha256 != weights.Sha256)
        {
            File.Delete(part);
            throw new DownloadException(weights.Source, $"what arrived has the SHA-256 {sha256}, not {weights.Sha256}, and was deleted",
                "Fetch again; if it repeats, something between here and the server changes files.");
        }
        File.Move(part, path);
        return path;
    }

    private static FileStream OpenPart(PublishedWeights weights, string part)
    {
        try
        {
            return new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new DownloadException(weights.Source, $"{part} cannot be opened ({e.Message.TrimEnd('.')})",
                "Check that no other download of it is running and that the folder can be written.", e);
        }
    }

    private async Task ReceiveAsync(
        PublishedWeights weights, FileStream file, IProgress<DownloadProgress>? progress, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(Patience, clock ?? TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, silence.Token);
        try
        {
            using HttpResponseMessage response = await RequestAsync(weights, file, stop.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(stop.Token);
            file.Position = file.Length;
            byte[] block = new byte[1 << 17];
            while (true)
            {
                silence.CancelAfter(Patience);
                int read = await body.ReadAsync(block, stop.Token);
                if (read == 0)
                    break;
                if (file.Length + read > weights.Bytes)
                    throw Answer(weights, $"sends more than the published {weights.Bytes} bytes");
                await file.WriteAsync(block.AsMemory(0, read), cancel);
                progress?.Report(new DownloadProgress(file.Position, weights.Bytes));
            }
            if (file.Position < weights.Bytes)
                throw Broken(weights, file, "the server closed the connection");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Broken(weights, file, $"the server was silent for {Patience.TotalSeconds} seconds");
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException or IOException { InnerException: SocketException })
        {
            throw Broken(weights, file, $"there is no connection ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Asks for what is missing; where the server sends everything, what is there is dropped.</summary>
    private async Task<HttpResponseMessage> RequestAsync(PublishedWeights weights, FileStream file, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, weights.Source);
        if (file.Length > 0)
            request.Headers.Range = new RangeHeaderValue(file.Length, null);
        HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        try
        {
            if (!response.IsSuccessStatusCode)
                throw Answer(weights, $"answers {(int)response.StatusCode} {response.ReasonPhrase}");
            if (response.StatusCode != HttpStatusCode.PartialContent)
                file.SetLength(0);
            else if (response.Content.Headers.ContentRange?.From != file.Length)
                throw Answer(weights, "sends another part than it was asked for");
            if (response.Content.Headers.ContentLength is { } length && file.Length + length != weights.Bytes)
                throw Answer(weights, $"offers {file.Length + length} bytes, the published file has {weights.Bytes}");
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static DownloadException Answer(PublishedWeights weights, string doing) => new(weights.Source, $"the server {doing}",
        "A proxy may answer in its stead: check the network, or fetch the file by other means and name it with --weights.");

    private static DownloadException Broken(PublishedWeights weights, FileStream file, string reason, Exception? inner = null) => new(
        weights.Source, $"{reason} after {file.Length} of {weights.Bytes} bytes",
        "Check the network and fetch again; it goes on from there. Or fetch the file by other means and name it with --weights.", inner);
}
