using System.Collections.Concurrent;

namespace Iba.Library;

/// <summary>Objects that the caller holds by a number. A number is never given out twice, so that a stale one is an error and not another object.</summary>
internal static class Handles
{
    private static readonly ConcurrentDictionary<long, object> Objects = new();
    private static long _last;

    /// <summary>Keeps an object.</summary>
    /// <returns>Its number, from 1 on.</returns>
    public static long Add(object kept)
    {
        long handle = Interlocked.Increment(ref _last);
        Objects[handle] = kept;
        return handle;
    }

    /// <summary>An object; null if there is no such object, or it is something else.</summary>
    public static T? Find<T>(long handle) where T : class => Objects.GetValueOrDefault(handle) as T;

    /// <exception cref="WrongHandleException">There is no such object, or it is something else.</exception>
    public static T Get<T>(long handle) where T : class =>
        Find<T>(handle) ?? throw new WrongHandleException(handle);

    /// <summary>Lets an object go.</summary>
    /// <exception cref="WrongHandleException">There is no such object.</exception>
    public static object Remove(long handle) => Objects.TryRemove(handle, out object? kept) ? kept : throw new WrongHandleException(handle);
}

/// <summary>A handle that stands for nothing, or for the other kind.</summary>
internal sealed class WrongHandleException(long handle) : Exception($"{handle} is no handle of this kind: it was never given out, or is closed");
