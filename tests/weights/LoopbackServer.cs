using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tests.Weights;

/// <summary>A local web server for one file, which can imitate faults of servers and networks.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[] _file;

    public LoopbackServer(byte[] file)
    {
        _file = file;
        _listener.Start();
        _ = ServeAsync();
    }

    public Uri Source => new($"http://{_listener.LocalEndpoint}/models/file.pth");

    /// <summary>The first byte each request asked for, in order.</summary>
    public List<long> Requests { get; } = [];

    public bool KnowsRanges { get; set; } = true;
    public int Status { get; set; } = 200;

    /// <summary>Closes the connection after this many bytes of the body.</summary>
    public int CutAfter { get; set; } = int.MaxValue;

    /// <summary>Sends nothing more after the bytes before the cut, and keeps the connection open.</summary>
    public bool Stalls { get; set; }

    /// <summary>Whether the Content-Length header is sent.</summary>
    public bool TellsLength { get; set; } = true;

    /// <summary>Sends another range than was requested.</summary>
    public int Shift { get; set; }

    /// <summary>Redirects to this address instead.</summary>
    public string? Location { get; set; }

    /// <summary>Sends this instead of the file, as a whole or as the end of it.</summary>
    public byte[]? Instead { get; set; }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            using TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
            await using NetworkStream stream = client.GetStream();
            try
            {
                await AnswerAsync(stream);
            }
            catch (IOException)
            {
                // The client went away, as some tests want.
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        long asked = 0;
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
        {
            if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                asked = long.Parse(line["Range: bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        }
        Requests.Add(asked);
        bool partial = KnowsRanges && asked > 0;
        int from = partial ? (int)asked + Shift : 0;
        byte[] body = Instead ?? (Status == 200 ? _file[from..] : "<html>sorry</html>"u8.ToArray());
        string status = partial && Status == 200 ? "206 Partial Content" : $"{Status} Answer";
        var head = new StringBuilder($"HTTP/1.1 {status}\r\nConnection: close\r\n");
        if (Location is not null)
            head.Append($"Location: {Location}\r\n");
        if (TellsLength)
            head.Append($"Content-Length: {body.Length}\r\n");
        if (partial)
            head.Append($"Content-Range: bytes {from}-{_file.Length - 1}/{_file.Length}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}\r\n"), _stop.Token);
        await stream.WriteAsync(body.AsMemory(0, Math.Min(CutAfter, body.Length)), _stop.Token);
        await stream.FlushAsync(_stop.Token);
        if (Stalls)
            await Task.Delay(Timeout.Infinite, _stop.Token);
    }
}
