using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Statistics;

namespace Iba.Library;

/// <summary>iba_status of iba.h.</summary>
internal enum Code
{
    Ok = 0,
    WrongHandle = 1,
    WrongArgument = 2,
    WrongSize = 3,
    WrongFile = 4,
    WrongPhoto = 5,
    NoDevice = 6,
    NoMemory = 7,
    Failed = 8,
}

/// <summary>What became of a call: no exception leaves the library.</summary>
internal static class Status
{
    [ThreadStatic]
    private static string? _lastError;

    /// <summary>The message of the last call of this thread that failed.</summary>
    public static string LastError => _lastError ?? "";

    /// <summary>Runs a call.</summary>
    public static Code Of(Action call)
    {
        try
        {
            call();
            return Code.Ok;
        }
        catch (Exception failure)
        {
            _lastError = failure.Message;
            return failure switch
            {
                WrongHandleException => Code.WrongHandle,
                WrongSizeException => Code.WrongSize,
                ObjectDisposedException => Code.WrongHandle,
                ArgumentException => Code.WrongArgument,
                ImageException => Code.WrongPhoto,
                NoCudaException or CudaException => Code.NoDevice,
                DeviceMemoryException or OutOfMemoryException => Code.NoMemory,
                FileFormatException or StatisticsException or IOException or UnauthorizedAccessException => Code.WrongFile,
                _ => Code.Failed,
            };
        }
    }
}

/// <summary>A buffer of another size than the data.</summary>
internal sealed class WrongSizeException(string message) : Exception(message);
