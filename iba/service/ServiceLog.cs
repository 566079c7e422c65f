using Microsoft.Extensions.Logging;

namespace Iba.Service;

/// <summary>What the service logs: one line of JSON each, on standard error.</summary>
internal static partial class ServiceLog
{
    [LoggerMessage(1, LogLevel.Information, "listening on {Address} with {Network} on {Device}")]
    public static partial void Listening(this ILogger log, Uri address, string network, string device);

    [LoggerMessage(5, LogLevel.Warning, "{Reason}")]
    public static partial void FellBack(this ILogger log, string reason);

    [LoggerMessage(2, LogLevel.Information, "{Request} answered {Status} after {Seconds} s: {Bytes} bytes, {Method}")]
    public static partial void Answered(this ILogger log, string request, int status, double seconds, long bytes, string method);

    [LoggerMessage(3, LogLevel.Error, "a photo was not explained")]
    public static partial void Failed(this ILogger log, Exception failure);

    [LoggerMessage(4, LogLevel.Information, "stopped: all that was taken is answered")]
    public static partial void Stopped(this ILogger log);
}
